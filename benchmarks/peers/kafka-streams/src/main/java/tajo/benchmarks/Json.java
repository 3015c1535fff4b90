package tajo.benchmarks;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/** Jackson's streaming API with less ceremony: only the fields that are named are read, the rest is skipped. */
final class Json {
    private static final JsonFactory FACTORY = new JsonFactory();

    private Json() {}

    interface Field {
        void read(String name, JsonParser parser) throws IOException;
    }

    interface Each {
        void read(JsonParser parser) throws IOException;
    }

    interface Body {
        void write(JsonGenerator json) throws IOException;
    }

    static void read(byte[] value, Field field) {
        try (JsonParser parser = FACTORY.createParser(value)) {
            parser.nextToken();
            object(parser, field);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** A null is an object without fields. */
    static void object(JsonParser parser, Field field) throws IOException {
        if (parser.currentToken() == JsonToken.VALUE_NULL) {
            return;
        }
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            parser.nextToken();
            field.read(name, parser);
        }
    }

    static void array(JsonParser parser, Each each) throws IOException {
        if (parser.currentToken() == JsonToken.VALUE_NULL) {
            return;
        }
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            each.read(parser);
        }
    }

    static String text(JsonParser parser) throws IOException {
        return parser.currentToken() == JsonToken.VALUE_NULL ? "" : parser.getText();
    }

    static long number(JsonParser parser) throws IOException {
        return parser.currentToken() == JsonToken.VALUE_NULL ? 0 : parser.getLongValue();
    }

    /** Money as integers of 1/10,000, from a number or a text. */
    static long amount(JsonParser parser) throws IOException {
        String text = text(parser);
        long value = 0;
        int decimals = -1;
        for (int i = 0; i < text.length() && decimals < 4; i++) {
            char digit = text.charAt(i);
            if (digit == '.') {
                decimals = 0;
            } else if (digit != '-') {
                value = value * 10 + digit - '0';
                decimals += decimals >= 0 ? 1 : 0;
            }
        }
        for (int left = 4 - Math.max(decimals, 0); left > 0; left--) {
            value *= 10;
        }
        return text.startsWith("-") ? -value : value;
    }

    static byte[] write(Body body) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(1024);
        try (JsonGenerator json = FACTORY.createGenerator(out)) {
            json.writeStartObject();
            body.write(json);
            json.writeEndObject();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return out.toByteArray();
    }
}

package tajo.benchmarks;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/** A command on its way to its contact, already JSON; only the contact knows the e-mail that goes between both parts. */
record Command(String kind, String id, long at, byte[] head, byte[] tail) {
    /** What stands in the JSON where the e-mail will be. */
    static final String GAP = "\u0001";

    private static final byte[] ESCAPED_GAP = "\\u0001".getBytes(StandardCharsets.US_ASCII);
    private static final DateTimeFormatter MILLISECONDS =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);
    private static final byte[] VERSION = "1.0".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] CONTENT = "application/json".getBytes(StandardCharsets.US_ASCII);

    /** {@code json} holds the gap once. */
    static Command of(String kind, String id, long at, byte[] json) {
        for (int place = 0; place + ESCAPED_GAP.length <= json.length; place++) {
            if (java.util.Arrays.equals(json, place, place + ESCAPED_GAP.length, ESCAPED_GAP, 0, ESCAPED_GAP.length)) {
                byte[] head = java.util.Arrays.copyOf(json, place);
                byte[] tail = java.util.Arrays.copyOfRange(json, place + ESCAPED_GAP.length, json.length);
                return new Command(kind, id, at, head, tail);
            }
        }
        throw new IllegalArgumentException("A command of kind " + kind + " has no place for its e-mail.");
    }

    static Command load(Wire.In in) {
        return new Command(in.text(), in.text(), in.number(), in.blob(), in.blob());
    }

    void dump(Wire.Out out) {
        out.text(kind).text(id).number(at).blob(head).blob(tail);
    }

    byte[] to(String email) {
        byte[] name = JsonStringEncoder.getInstance().quoteAsUTF8(email);
        byte[] whole = new byte[head.length + name.length + tail.length];
        System.arraycopy(head, 0, whole, 0, head.length);
        System.arraycopy(name, 0, whole, head.length, name.length);
        System.arraycopy(tail, 0, whole, head.length + name.length, tail.length);
        return whole;
    }

    static Headers headers(String id, String source, String type, long at) {
        return new RecordHeaders()
                .add("ce_specversion", VERSION)
                .add("ce_id", id.getBytes(StandardCharsets.UTF_8))
                .add("ce_source", source.getBytes(StandardCharsets.UTF_8))
                .add("ce_type", type.getBytes(StandardCharsets.UTF_8))
                .add("ce_time", time(at).getBytes(StandardCharsets.US_ASCII))
                .add("content-type", CONTENT);
    }

    static String time(long at) {
        return MILLISECONDS.format(Instant.ofEpochMilli(at));
    }

    /** 16 hex digits of SHA-256. */
    static String digest(byte[] content) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(content);
            return HexFormat.of().formatHex(hash, 0, 8);
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }
}

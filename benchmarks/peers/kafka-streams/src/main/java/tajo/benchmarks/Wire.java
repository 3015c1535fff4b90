package tajo.benchmarks;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** States and inner messages as bytes: numbers of eight bytes, texts and bytes led by their length (-1: null). */
final class Wire {
    private Wire() {}

    static final class Out {
        private byte[] bytes = new byte[1024];
        private int size;

        Out number(long value) {
            room(8);
            for (int shift = 56; shift >= 0; shift -= 8) {
                bytes[size++] = (byte) (value >>> shift);
            }
            return this;
        }

        Out small(int value) {
            room(4);
            for (int shift = 24; shift >= 0; shift -= 8) {
                bytes[size++] = (byte) (value >>> shift);
            }
            return this;
        }

        Out flag(boolean value) {
            room(1);
            bytes[size++] = (byte) (value ? 1 : 0);
            return this;
        }

        Out text(String value) {
            return blob(value == null ? null : value.getBytes(StandardCharsets.UTF_8));
        }

        Out blob(byte[] value) {
            if (value == null) {
                return small(-1);
            }
            small(value.length);
            room(value.length);
            System.arraycopy(value, 0, bytes, size, value.length);
            size += value.length;
            return this;
        }

        Out texts(Map<String, String> values) {
            small(values.size());
            values.forEach((name, value) -> text(name).text(value));
            return this;
        }

        byte[] done() {
            return Arrays.copyOf(bytes, size);
        }

        private void room(int wanted) {
            if (size + wanted > bytes.length) {
                bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, size + wanted));
            }
        }
    }

    static final class In {
        private final byte[] bytes;
        private int place;

        In(byte[] bytes) {
            this.bytes = bytes;
        }

        long number() {
            long value = 0;
            for (int i = 0; i < 8; i++) {
                value = value << 8 | bytes[place++] & 0xFF;
            }
            return value;
        }

        int small() {
            int value = 0;
            for (int i = 0; i < 4; i++) {
                value = value << 8 | bytes[place++] & 0xFF;
            }
            return value;
        }

        boolean flag() {
            return bytes[place++] != 0;
        }

        String text() {
            int length = small();
            if (length < 0) {
                return null;
            }
            place += length;
            return new String(bytes, place - length, length, StandardCharsets.UTF_8);
        }

        byte[] blob() {
            int length = small();
            if (length < 0) {
                return null;
            }
            place += length;
            return Arrays.copyOfRange(bytes, place - length, place);
        }

        Map<String, String> texts() {
            Map<String, String> values = new LinkedHashMap<>();
            for (int left = small(); left > 0; left--) {
                String name = text();
                values.put(name, text());
            }
            return values;
        }
    }
}

package tajo.benchmarks;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The fold of benchmarks/fold.py: per customer the number of orders, their sum and the last order; each order is
 * answered by its customer's new state. On the Processor API with a plain store, without serdes in between and without
 * a cache: the shortest way that Kafka Streams has.
 */
final class OrdersFold implements Program {
    private static final String TABLE = "customers";

    @Override
    public Topology topology(String source, String prefix) {
        var bytes = new ByteArrayDeserializer();
        var store = Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(TABLE), Serdes.ByteArray(), Serdes.ByteArray())
                .withCachingDisabled()
                .withLoggingEnabled(Map.of());
        return new Topology()
                .addSource("orders", bytes, bytes, source)
                .addProcessor("fold", Fold::new, "orders")
                .addStateStore(store, "fold")
                .addSink("out", prefix + "out", new ByteArraySerializer(), new ByteArraySerializer(), "fold");
    }

    private static final class Fold implements Processor<byte[], byte[], byte[], byte[]> {
        private final JsonFactory json = new JsonFactory();
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<byte[], byte[]> table;

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            this.table = context.getStateStore(TABLE);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            Order order = decode(record.value());
            State state = State.load(table.get(record.key()));
            byte[] next = new State(state.orders + 1, state.amount + order.amount, order.id).dump();
            table.put(record.key(), next);
            context.forward(record.withValue(next));
        }

        private Order decode(byte[] value) {
            long id = 0;
            long amount = 0;
            try (JsonParser parser = json.createParser(value)) {
                parser.nextToken();
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    String field = parser.currentName();
                    parser.nextToken();
                    switch (field) {
                        case "id" -> id = parser.getLongValue();
                        case "total_inc_tax" -> amount = Long.parseLong(parser.getText().replace(".", ""));
                        default -> parser.skipChildren();
                    }
                }
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
            return new Order(id, amount);
        }
    }

    private record Order(long id, long amount) {}

    /** `[orders,amount,last]`, the amount in ten-thousandths of the currency. */
    private record State(long orders, long amount, long last) {
        static State load(byte[] stored) {
            if (stored == null) {
                return new State(0, 0, 0);
            }
            long[] numbers = new long[3];
            int place = 0;
            for (int i = 1; i < stored.length - 1; i++) {
                if (stored[i] == ',') {
                    place++;
                } else {
                    numbers[place] = numbers[place] * 10 + stored[i] - '0';
                }
            }
            return new State(numbers[0], numbers[1], numbers[2]);
        }

        byte[] dump() {
            return ("[" + orders + ',' + amount + ',' + last + ']').getBytes(StandardCharsets.ISO_8859_1);
        }
    }
}

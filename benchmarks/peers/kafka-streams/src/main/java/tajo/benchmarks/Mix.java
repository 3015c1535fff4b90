package tajo.benchmarks;

import java.util.Map;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The hops of streams/topology.py: orders and carts tell their customers, customers their contacts, contacts and
 * products the account. Each of the four has a table with a changelog and writes what ours writes: the same messages,
 * order records, events, contacts, lifecycle records and index entries of due times. Left out is what the facts of the
 * benchmark never need (subscribers, opt-outs, moves between customers and e-mails, ticks, fresh looks, phone rules).
 *
 * <p>{@code -Dtajo.cache=true}: with Kafka Streams' record cache in front of the tables.
 */
final class Mix implements Program {
    static final String ORDERS = "orders";
    static final String CARTS = "carts";
    static final String CUSTOMERS = "customers";
    static final String CONTACTS = "contacts";
    static final String LIFECYCLE = "lifecycle";
    static final String COMMANDS = "commands";
    static final String FACTS_OF_CUSTOMERS = "commerce.customer.v1";

    @Override
    public Topology topology(String source, String prefix) {
        var read = new ByteArrayDeserializer();
        var write = new ByteArraySerializer();
        return new Topology()
                .addSource("order facts", read, read, source + "commerce.order.v1")
                .addSource("cart facts", read, read, source + "commerce.cart.v1")
                .addSource("product facts", read, read, source + "commerce.product.v1")
                .addSource("customer facts", read, read, source + FACTS_OF_CUSTOMERS, prefix + "customers")
                .addSource("contact messages", read, read, prefix + "contacts")
                .addProcessor(ORDERS, MixOrders::new, "order facts")
                .addProcessor(CARTS, MixCarts::new, "cart facts")
                .addProcessor(CUSTOMERS, MixCustomers::new, "customer facts")
                .addProcessor(CONTACTS, MixContacts::new, "contact messages")
                .addProcessor("products", MixProducts::new, "product facts")
                .addStateStore(table(ORDERS), ORDERS)
                .addStateStore(table(CARTS), CARTS)
                .addStateStore(table(CUSTOMERS), CUSTOMERS)
                .addStateStore(table(CONTACTS), CONTACTS)
                .addSink("to customers", prefix + "customers", write, write, ORDERS, CARTS)
                .addSink("to contacts", prefix + "contacts", write, write, CUSTOMERS)
                .addSink(LIFECYCLE, prefix + "commerce.cart-lifecycle.v1", write, write, CARTS)
                .addSink(COMMANDS, prefix + "brevo.command.v1", write, write, CONTACTS, "products");
    }

    private static StoreBuilder<KeyValueStore<byte[], byte[]>> table(String name) {
        var table = Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(name), Serdes.ByteArray(), Serdes.ByteArray())
                .withLoggingEnabled(Map.of());
        return Boolean.getBoolean("tajo.cache") ? table.withCachingEnabled() : table.withCachingDisabled();
    }
}

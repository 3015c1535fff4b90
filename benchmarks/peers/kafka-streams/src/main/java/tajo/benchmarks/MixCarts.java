package tajo.benchmarks;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import tajo.benchmarks.MixMessages.CartPart;
import tajo.benchmarks.MixMessages.ToCustomer;

/** Per cart: whose it is, what is in it, and in an ordered index of the same table, when it is due. */
final class MixCarts implements Processor<byte[], byte[], byte[], byte[]> {
    private static final byte[] INDEX = "\0due/".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] ONE = {'1'};
    private static final long HOUR = 3_600_000;
    private static final long WEEK = 7 * 24 * HOUR;

    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> table;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        this.table = context.getStateStore(Mix.CARTS);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        Facts.Cart cart = Facts.cart(record.value());
        byte[] stored = table.get(record.key());
        State state = stored == null ? new State() : State.load(stored);
        if (cart.fetchedAt < state.fetchedAt || state.ended.equals("converted")) {
            return;
        }
        long dueBefore = stored == null ? -1 : state.due();
        if (cart.kind.equals("cart")) {
            fetched(state, cart, record);
        } else {
            ended(state, cart, record);
        }
        state.fetchedAt = cart.fetchedAt;
        table.put(record.key(), state.dump());
        if (state.due() != dueBefore) {
            if (dueBefore >= 0) {
                table.delete(index(dueBefore, record.key()));
            }
            table.put(index(state.due(), record.key()), ONE);
        }
    }

    private void fetched(State state, Facts.Cart cart, Record<byte[], byte[]> record) {
        String content = content(cart);
        String owner = "";
        if (cart.customer != 0) {
            owner = cart.store + "/" + cart.customer;
        } else if (!cart.email.isEmpty()) {
            owner = cart.store + "/guest:" + cart.email.toLowerCase(java.util.Locale.ROOT);
        }
        boolean renewed = !content.equals(state.content);
        if (state.content.isEmpty()) {
            lifecycle(cart, "at risk", cart.updatedAt, record);
        }
        if (!state.owner.isEmpty() && !state.owner.equals(owner)) {
            tell(state.owner, new CartPart(cart.id, false, cart.fetchedAt, state.changedAt, "", cart.channel), record);
        }
        if (renewed) {
            state.content = content;
            state.changedAt = cart.updatedAt;
        }
        if (!owner.isEmpty() && (renewed || !state.owner.equals(owner))) {
            tell(owner, new CartPart(cart.id, true, cart.fetchedAt, state.changedAt, cart.email, cart.channel), record);
        }
        state.owner = owner;
        state.version = cart.version;
        state.email = cart.email;
        state.channel = cart.channel;
        state.total = cart.total;
        state.currency = cart.currency;
        state.live = state.changedAt >= cart.liveSince;
    }

    private void ended(State state, Facts.Cart cart, Record<byte[], byte[]> record) {
        if (!state.content.isEmpty()) {
            cart.total = state.total;
            cart.currency = state.currency;
            lifecycle(cart, cart.kind.equals("converted") ? "converted" : "emptied", cart.fetchedAt, record);
        }
        if (!state.owner.isEmpty()) {
            tell(state.owner, new CartPart(cart.id, false, cart.fetchedAt, state.changedAt, "", state.channel), record);
        }
        state.owner = "";
        state.content = "";
        state.ended = cart.kind;
        state.endedAt = cart.fetchedAt;
        state.order = cart.order;
    }

    private void tell(String owner, CartPart part, Record<byte[], byte[]> record) {
        Wire.Out out = new Wire.Out();
        new ToCustomer(null, java.util.List.of(), part).dump(out);
        byte[] key = owner.getBytes(StandardCharsets.UTF_8);
        context.forward(new Record<>(key, out.done(), record.timestamp()), "to customers");
    }

    private void lifecycle(Facts.Cart cart, String stage, long at, Record<byte[], byte[]> record) {
        byte[] json = Json.write(out -> {
            out.writeStringField("store", cart.store);
            out.writeStringField("cart_id", cart.id);
            out.writeStringField("stage", stage);
            out.writeNumberField("at", at);
            out.writeNumberField("changed_at", cart.updatedAt);
            out.writeStringField("total", Double.toString(cart.total / 10_000.0));
            out.writeStringField("currency", cart.currency);
        });
        String id = stage + ":" + cart.store + "/" + cart.id + ":" + at + ":0";
        String type = "commerce.cart." + stage.replace(' ', '_');
        var headers = Command.headers(id, "stores/" + cart.store, type, at);
        context.forward(new Record<>(record.key(), json, record.timestamp(), headers), Mix.LIFECYCLE);
    }

    private static String content(Facts.Cart cart) {
        Wire.Out out = new Wire.Out();
        cart.lines.stream()
                .sorted(java.util.Comparator.comparing((Facts.Line line) -> line.product)
                        .thenComparing(line -> line.variant)
                        .thenComparing(line -> line.quantity))
                .forEach(line -> out.text(line.product).text(line.variant).number(line.quantity));
        return cart.lines.isEmpty() ? "" : Command.digest(out.done());
    }

    private static byte[] index(long when, byte[] key) {
        return ByteBuffer.allocate(INDEX.length + 8 + key.length).put(INDEX).putLong(when).put(key).array();
    }

    private static final class State {
        long fetchedAt = -1;
        long version;
        String owner = "";
        String email = "";
        String content = "";
        long changedAt;
        int channel = 1;
        long total;
        String currency = "";
        boolean live;
        String ended = "";
        long endedAt;
        long order;

        long due() {
            if (!ended.isEmpty()) {
                return endedAt + WEEK;
            }
            return !owner.isEmpty() && live ? changedAt + HOUR : changedAt + WEEK;
        }

        static State load(byte[] stored) {
            Wire.In in = new Wire.In(stored);
            State state = new State();
            state.fetchedAt = in.number();
            state.version = in.number();
            state.owner = in.text();
            state.email = in.text();
            state.content = in.text();
            state.changedAt = in.number();
            state.channel = in.small();
            state.total = in.number();
            state.currency = in.text();
            state.live = in.flag();
            state.ended = in.text();
            state.endedAt = in.number();
            state.order = in.number();
            return state;
        }

        byte[] dump() {
            Wire.Out out = new Wire.Out().number(fetchedAt).number(version).text(owner).text(email).text(content);
            out.number(changedAt).small(channel).number(total).text(currency).flag(live);
            return out.text(ended).number(endedAt).number(order).done();
        }
    }
}

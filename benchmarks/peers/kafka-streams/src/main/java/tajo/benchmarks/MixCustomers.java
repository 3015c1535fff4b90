package tajo.benchmarks;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import tajo.benchmarks.MixMessages.CartPart;
import tajo.benchmarks.MixMessages.Contribution;
import tajo.benchmarks.MixMessages.Part;
import tajo.benchmarks.MixMessages.ToContact;
import tajo.benchmarks.MixMessages.ToCustomer;

/** Per customer: profile, each order's part, open carts. Tells the contact the whole of it whenever that changed. */
final class MixCustomers implements Processor<byte[], byte[], byte[], byte[]> {
    private static final String GUEST = "guest:";

    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> table;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        this.table = context.getStateStore(Mix.CUSTOMERS);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        String source = new String(record.key(), StandardCharsets.UTF_8);
        State state = State.load(table.get(record.key()));
        List<ToCustomer> waiting = new ArrayList<>();
        if (context.recordMetadata().orElseThrow().topic().endsWith(Mix.FACTS_OF_CUSTOMERS)) {
            if (!profile(state, Facts.customer(record.value()))) {
                return;
            }
        } else {
            ToCustomer message = ToCustomer.load(new Wire.In(record.value()));
            take(state, message);
            waiting.add(message);
        }
        tell(source, state, waiting, record.timestamp());
        table.put(record.key(), state.dump());
    }

    private static boolean profile(State state, Facts.Customer fact) {
        if (fact.fetchedAt < state.fetchedAt) {
            return false;
        }
        state.known = true;
        state.fetchedAt = fact.fetchedAt;
        state.changedAt = fact.modifiedAt;
        state.email = fact.email.toLowerCase(java.util.Locale.ROOT);
        state.attributes = fact.attributes;
        state.phone = Facts.phone(fact.phone, "+1");
        state.channel = fact.channel;
        return true;
    }

    private static void take(State state, ToCustomer message) {
        if (message.part() != null) {
            state.orders.put(message.part().order(), message.part());
        }
        if (message.cart() != null && message.cart().open()) {
            state.carts.put(message.cart().cart(), message.cart());
        } else if (message.cart() != null) {
            state.carts.remove(message.cart().cart());
        }
    }

    /** Contribution first, then what belongs to it; all waits until the e-mail is known. */
    private void tell(String source, State state, List<ToCustomer> messages, long timestamp) {
        int slash = source.indexOf('/');
        boolean guest = source.startsWith(GUEST, slash + 1);
        String email = guest ? source.substring(slash + 1 + GUEST.length()) : state.email;
        if (email.isEmpty()) {
            state.held.addAll(messages);
            return;
        }
        Contribution now = state.contribution(source, source.substring(0, slash), guest);
        String digest = Command.digest(now.dump(new Wire.Out()).done());
        Contribution told = digest.equals(state.told) ? null : now;
        state.told = digest;
        List<ToCustomer> all = state.held;
        all.addAll(messages);
        state.held = new ArrayList<>();
        byte[] key = ("main/" + email).getBytes(StandardCharsets.UTF_8);
        if (all.isEmpty() && told != null) {
            forward(key, new ToContact(source, told, List.of(), null), timestamp);
        }
        for (ToCustomer each : all) {
            if (told != null || !each.papers().isEmpty() || each.cart() != null) {
                forward(key, new ToContact(source, told, each.papers(), each.cart()), timestamp);
            }
            told = null;
        }
    }

    private void forward(byte[] key, ToContact message, long timestamp) {
        context.forward(new Record<>(key, message.dump(), timestamp));
    }

    private static final class State {
        boolean known;
        long fetchedAt;
        long changedAt;
        String email = "";
        Map<String, String> attributes = Map.of();
        String phone;
        int channel = 1;
        String told = "";
        final Map<Long, Part> orders = new LinkedHashMap<>();
        final Map<String, CartPart> carts = new LinkedHashMap<>();
        List<ToCustomer> held = new ArrayList<>();

        Contribution contribution(String source, String store, boolean guest) {
            Part newest = null;
            int counted = 0;
            long sum = 0;
            for (Part part : orders.values()) {
                counted += part.counted() ? 1 : 0;
                sum += part.net();
                if (newest == null || part.at() > newest.at()) {
                    newest = part;
                }
            }
            boolean ofOrder = guest && newest != null;
            Map<String, String> profile = ofOrder ? newest.guest() : attributes;
            long at = ofOrder ? newest.at() : changedAt;
            boolean present = known || newest != null || !carts.isEmpty();
            return new Contribution(present, source, store, !guest, at, profile, ofOrder ? newest.phone() : phone,
                    counted, orders.size(), sum, channel);
        }

        static State load(byte[] stored) {
            State state = new State();
            if (stored != null) {
                Wire.In in = new Wire.In(stored);
                state.known = in.flag();
                state.fetchedAt = in.number();
                state.changedAt = in.number();
                state.email = in.text();
                state.attributes = in.texts();
                state.phone = in.text();
                state.channel = in.small();
                state.told = in.text();
                for (int left = in.small(); left > 0; left--) {
                    Part part = Part.load(in);
                    state.orders.put(part.order(), part);
                }
                for (int left = in.small(); left > 0; left--) {
                    CartPart cart = CartPart.load(in);
                    state.carts.put(cart.cart(), cart);
                }
                for (int left = in.small(); left > 0; left--) {
                    state.held.add(ToCustomer.load(in));
                }
            }
            return state;
        }

        byte[] dump() {
            Wire.Out out = new Wire.Out().flag(known).number(fetchedAt).number(changedAt).text(email);
            out.texts(attributes).text(phone).small(channel).text(told).small(orders.size());
            orders.values().forEach(part -> part.dump(out));
            out.small(carts.size());
            carts.values().forEach(cart -> cart.dump(out));
            out.small(held.size());
            held.forEach(message -> message.dump(out));
            return out.done();
        }
    }
}

package tajo.benchmarks;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import tajo.benchmarks.MixMessages.Contribution;
import tajo.benchmarks.MixMessages.ToContact;

/** Per contact: its sources. Tells the account the contact when it changed, then order records and events. */
final class MixContacts implements Processor<byte[], byte[], byte[], byte[]> {
    private static final byte[] ACCOUNT = "main".getBytes(StandardCharsets.US_ASCII);

    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> table;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        this.table = context.getStateStore(Mix.CONTACTS);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        String key = new String(record.key(), StandardCharsets.UTF_8);
        String email = key.substring(key.indexOf('/') + 1);
        State state = State.load(table.get(record.key()));
        ToContact message = ToContact.load(new Wire.In(record.value()));
        if (message.contribution() == null && message.papers().isEmpty()) {
            return; // a cart on its way: nothing is said of it before its first step is due
        }
        if (message.contribution() != null && message.contribution().present()) {
            state.sources.put(message.source(), message.contribution());
        } else if (message.contribution() != null) {
            state.sources.remove(message.source());
        }
        state.held.addAll(message.papers());
        if (state.isContact()) {
            speak(state, email, record.timestamp());
        }
        boolean empty = state.sources.isEmpty() && state.held.isEmpty() && state.said.isEmpty();
        table.put(record.key(), empty ? null : state.dump());
    }

    private void speak(State state, String email, long timestamp) {
        String digest = Command.digest(state.desired(email, 0));
        if (!digest.equals(state.said)) {
            state.said = digest;
            long at = state.newest().changedAt();
            String id = "contact:" + email;
            send("contact", id + ":" + digest, at, state.desired(email, at), timestamp);
        }
        for (Command paper : state.held) {
            send(paper.kind(), paper.id(), paper.at(), paper.to(email), timestamp);
        }
        state.held.clear();
    }

    private void send(String kind, String occasion, long at, byte[] json, long timestamp) {
        var headers = Command.headers(occasion, "tajo/contacts", "brevo.command." + kind, at);
        context.forward(new Record<>(ACCOUNT, json, timestamp, headers));
    }

    private static final class State {
        final Map<String, Contribution> sources = new LinkedHashMap<>();
        final List<Command> held = new ArrayList<>();
        String said = "";

        boolean isContact() {
            return sources.values().stream().anyMatch(source -> source.registered() || source.knownOrders() > 0);
        }

        Contribution newest() {
            return sources.values().stream()
                    .max(Comparator.comparing(Contribution::changedAt))
                    .orElseThrow();
        }

        byte[] desired(String email, long at) {
            List<Contribution> ordered = new ArrayList<>(sources.values());
            ordered.sort(Comparator.comparing((Contribution source) -> !source.registered())
                    .thenComparing(source -> -source.changedAt())
                    .thenComparing(Contribution::source));
            String store = ordered.get(0).store();
            int orders = ordered.stream().mapToInt(Contribution::orders).sum();
            long spent = ordered.stream().mapToLong(Contribution::reporting).sum();
            boolean customer = ordered.stream().anyMatch(Contribution::registered);
            String phone = first(ordered, null);
            return Json.write(out -> {
                out.writeStringField("kind", "contact");
                out.writeStringField("id", "contact:" + email);
                out.writeStringField("email", email);
                out.writeObjectFieldStart("attributes");
                for (String name : NAMES) {
                    String value = first(ordered, name);
                    if (value == null) {
                        out.writeNullField(name);
                    } else {
                        out.writeStringField(name, value);
                    }
                }
                out.writeNumberField("ORDER_COUNT", orders);
                out.writeStringField("SMS", phone);
                out.writeNumberField("TOTAL_SPENT", spent / 10_000.0);
                out.writeEndObject();
                out.writeObjectFieldStart("lists");
                out.writeBooleanField(store + ":abandoned_cart", false);
                out.writeBooleanField(store + ":all_customers", customer);
                out.writeBooleanField(store + ":buyers", orders > 0);
                out.writeEndObject();
                out.writeNullField("subscribed");
                out.writeNumberField("decided_at", 0);
                out.writeBooleanField("blocklist_unknown", true);
                out.writeStringField("phone", phone);
                out.writeBooleanField("historical", false);
                out.writeNumberField("at", at);
            });
        }

        private static final String[] NAMES = {
            "CITY", "COMPANY", "COUNTRY", "CUSTOMER_GROUP", "FIRSTNAME", "LASTNAME", "SIGNUP_DATE", "STATE", "ZIP"
        };

        /** Field by field the first that is not empty; of the phone for null. */
        private static String first(List<Contribution> ordered, String name) {
            for (Contribution source : ordered) {
                String value = name == null ? source.phone() : source.attributes().get(name);
                if (value != null && !value.isEmpty()) {
                    return value;
                }
            }
            return null;
        }

        static State load(byte[] stored) {
            State state = new State();
            if (stored != null) {
                Wire.In in = new Wire.In(stored);
                for (int left = in.small(); left > 0; left--) {
                    Contribution source = Contribution.load(in);
                    state.sources.put(source.source(), source);
                }
                state.held.addAll(MixMessages.commands(in));
                state.said = in.text();
            }
            return state;
        }

        byte[] dump() {
            Wire.Out out = new Wire.Out().small(sources.size());
            sources.values().forEach(source -> source.dump(out));
            MixMessages.dump(held, out);
            return out.text(said).done();
        }
    }
}

package tajo.benchmarks;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import tajo.benchmarks.MixMessages.Part;
import tajo.benchmarks.MixMessages.ToCustomer;

/** Per order: its part at its customer, its record when that changed, and its events, each once. */
final class MixOrders implements Processor<byte[], byte[], byte[], byte[]> {
    private static final Set<Integer> COUNTED = Set.of(2, 3, 4, 8, 9, 10, 11, 12, 13, 14);
    private static final String[] NAMES = {
        "Incomplete", "Pending", "Shipped", "Partially Shipped", "Refunded", "Cancelled", "Declined",
        "Awaiting Payment", "Awaiting Pickup", "Awaiting Shipment", "Completed", "Awaiting Fulfillment",
        "Manual Verification Required", "Disputed", "Partially Refunded"
    };
    private static final long DAY = 86_400_000;

    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> table;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        this.table = context.getStateStore(Mix.ORDERS);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        Facts.Order order = Facts.order(record.value());
        State state = State.load(table.get(record.key()));
        if (order.fetchedAt < state.fetchedAt) {
            return;
        }
        String email = order.billing.get("email").strip().toLowerCase(java.util.Locale.ROOT);
        String customer = order.store + "/" + (order.customer != 0 ? order.customer : "guest:" + email);
        Part part = part(order, email);
        List<Command> papers = new ArrayList<>();
        Command now = recorded(order);
        String digest = Command.digest(content(customer, order));
        if (!digest.equals(state.record)) {
            papers.add(now);
        }
        for (Facts.Change change : order.changes) {
            if (state.pairs.add(change.hash())) {
                event(state, order, change, papers);
            }
        }
        Part before = state.part;
        state.fetchedAt = order.fetchedAt;
        state.status = order.status;
        state.customer = customer;
        state.part = part;
        state.record = digest;
        table.put(record.key(), state.dump());
        boolean changed = !part.equals(before);
        if (changed || !papers.isEmpty()) {
            Wire.Out out = new Wire.Out();
            new ToCustomer(changed ? part : null, papers, null).dump(out);
            context.forward(new Record<>(customer.getBytes(StandardCharsets.UTF_8), out.done(), record.timestamp()));
        }
    }

    private static void event(State state, Facts.Order order, Facts.Change change, List<Command> papers) {
        boolean due = change.at() >= order.liveSince && order.fetchedAt - change.at() <= DAY;
        String number = order.store + ":" + order.id;
        if (!state.placed && COUNTED.contains(change.now())) {
            state.placed = true;
            if (due) {
                papers.add(event(order, "order_placed", "order_placed:" + number, change, false));
            }
        } else if (state.placed && due) {
            String id = "order_status_changed:" + number + ":" + change.hash();
            papers.add(event(order, "order_status_changed", id, change, true));
        }
    }

    private static Part part(Facts.Order order, String email) {
        boolean counted = COUNTED.contains(order.status);
        boolean guest = order.customer == 0;
        Map<String, String> profile = guest ? profile(order.billing) : null;
        String phone = guest ? Facts.phone(order.billing.get("phone"), "+1") : null;
        return new Part(order.id, order.createdAt, order.modifiedAt, counted, order.currency,
                counted ? order.total : 0, order.channel, email, profile, phone);
    }

    private static Map<String, String> profile(Map<String, String> billing) {
        Map<String, String> profile = new LinkedHashMap<>();
        profile.put("FIRSTNAME", billing.get("first_name"));
        profile.put("LASTNAME", billing.get("last_name"));
        profile.put("COMPANY", billing.get("company"));
        profile.put("CITY", billing.get("city"));
        profile.put("STATE", billing.get("state"));
        profile.put("COUNTRY", billing.get("country"));
        profile.put("ZIP", billing.get("zip"));
        return profile;
    }

    /** What the record is about: the date of the last change alone is no change. */
    private static byte[] content(String customer, Facts.Order order) {
        Wire.Out out = new Wire.Out().text(customer).small(order.status).number(order.total).text(order.currency);
        out.text(order.payment).small(order.channel).number(order.createdAt).texts(order.billing);
        for (Facts.Line line : order.lines) {
            out.text(line.product).text(line.variant).number(line.quantity).number(line.price);
        }
        return out.done();
    }

    private static Command recorded(Facts.Order order) {
        String number = order.store + ":" + order.id;
        byte[] json = Json.write(out -> {
            out.writeStringField("kind", "order");
            out.writeStringField("id", "order:" + number);
            out.writeStringField("email", Command.GAP);
            out.writeStringField("order_id", number);
            out.writeNumberField("created_at", order.createdAt);
            out.writeNumberField("updated_at", order.modifiedAt);
            out.writeStringField("status", NAMES[order.status]);
            out.writeNumberField("amount", COUNTED.contains(order.status) ? order.total / 10_000.0 : 0);
            out.writeArrayFieldStart("products");
            for (Facts.Line line : order.lines) {
                String product = order.store + ":" + line.product;
                out.writeStartObject();
                out.writeStringField("productId", product);
                out.writeNumberField("quantity", line.quantity);
                out.writeNumberField("price", line.price / 10_000.0);
                out.writeStringField("variantId", product + "-" + line.variant);
                out.writeEndObject();
            }
            out.writeEndArray();
            out.writeStringField("store_id", order.store);
            out.writeObjectFieldStart("billing");
            billing(order, out);
            out.writeEndObject();
            out.writeObjectFieldStart("meta");
            out.writeStringField("channel", Integer.toString(order.channel));
            out.writeStringField("currency", order.currency);
            out.writeStringField("reporting_currency", order.currency);
            out.writeNumberField("status_id", order.status);
            out.writeStringField("total", Double.toString(order.total / 10_000.0));
            out.writeEndObject();
            out.writeBooleanField("historical", order.createdAt < order.liveSince);
        });
        return Command.of("order", "order:" + number, order.modifiedAt, json);
    }

    private static void billing(Facts.Order order, JsonGenerator out) throws IOException {
        String[][] names = {
            {"address", "street_1"}, {"city", "city"}, {"country", "country"}, {"countryCode", "country_iso2"},
            {"phone", "phone"}, {"postCode", "zip"}, {"region", "state"}
        };
        for (String[] name : names) {
            String value = order.billing.getOrDefault(name[1], "");
            if (!value.isEmpty()) {
                out.writeStringField(name[0], value);
            }
        }
        out.writeStringField("paymentMethod", order.payment);
    }

    private static Command event(Facts.Order order, String name, String id, Facts.Change change, boolean changed) {
        byte[] json = Json.write(out -> {
            out.writeStringField("kind", "event");
            out.writeStringField("id", id);
            out.writeStringField("email", Command.GAP);
            out.writeStringField("name", name);
            out.writeNumberField("at", change.at());
            out.writeObjectFieldStart("properties");
            out.writeStringField("channel", Integer.toString(order.channel));
            out.writeStringField("created_at", Command.time(order.createdAt));
            out.writeStringField("currency", order.currency);
            out.writeArrayFieldStart("items");
            for (Facts.Line line : order.lines) {
                item(line, out);
            }
            out.writeEndArray();
            out.writeStringField("order_id", Long.toString(order.id));
            if (changed) {
                out.writeStringField("previous_status", NAMES[change.previous()]);
                out.writeStringField("previous_status_id", Integer.toString(change.previous()));
            }
            out.writeStringField("status", NAMES[order.status]);
            out.writeStringField("status_id", Integer.toString(order.status));
            out.writeStringField("store", order.store);
            out.writeStringField("tajo_id", id);
            out.writeNumberField("total", order.total / 10_000.0);
            out.writeNumberField("total_reporting", order.total / 10_000.0);
            out.writeEndObject();
            out.writeStringField("in_doubt", "resend");
            out.writeNullField("expires_at");
            out.writeBooleanField("may_reach_blocklisted", true);
        });
        return Command.of("event", id, change.at(), json);
    }

    private static void item(Facts.Line line, JsonGenerator out) throws IOException {
        out.writeStartObject();
        out.writeStringField("image", line.image);
        out.writeStringField("name", line.name);
        out.writeNumberField("price", line.price / 10_000.0);
        out.writeStringField("product_id", line.product);
        out.writeNumberField("quantity", line.quantity);
        out.writeStringField("sku", line.sku);
        out.writeStringField("url", line.url);
        out.writeStringField("variant_id", line.variant);
        out.writeEndObject();
    }

    private static final class State {
        long fetchedAt;
        int status;
        String customer = "";
        Part part;
        String record = "";
        boolean placed;
        final Set<String> pairs = new java.util.LinkedHashSet<>();

        static State load(byte[] stored) {
            State state = new State();
            if (stored != null) {
                Wire.In in = new Wire.In(stored);
                state.fetchedAt = in.number();
                state.status = in.small();
                state.customer = in.text();
                state.part = Part.load(in);
                state.record = in.text();
                state.placed = in.flag();
                for (int left = in.small(); left > 0; left--) {
                    state.pairs.add(in.text());
                }
            }
            return state;
        }

        byte[] dump() {
            Wire.Out out = new Wire.Out().number(fetchedAt).small(status).text(customer);
            part.dump(out).text(record).flag(placed).small(pairs.size());
            pairs.forEach(out::text);
            return out.done();
        }
    }
}

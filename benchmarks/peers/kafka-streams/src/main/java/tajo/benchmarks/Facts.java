package tajo.benchmarks;

import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Facts as the folds read them: of each only what is needed. Times are Unix ms, amounts 1/10,000. */
final class Facts {
    private Facts() {}

    static final class Line {
        String id = "";
        String product = "";
        String variant = "";
        String sku = "";
        String name = "";
        String url = "";
        String image = "";
        long quantity = 1;
        long price;
    }

    record Change(String hash, long at, int previous, int now) {}

    static final class Order {
        String store = "";
        long fetchedAt;
        long liveSince = Long.MAX_VALUE;
        long id;
        long customer;
        int status;
        long createdAt;
        long modifiedAt;
        long total;
        String currency = "";
        String payment = "";
        String cart = "";
        int channel = 1;
        Map<String, String> billing = Map.of();
        final List<Line> lines = new ArrayList<>();
        final List<Change> changes = new ArrayList<>();
    }

    static Order order(byte[] value) {
        Order order = new Order();
        Json.read(value, (name, parser) -> {
            switch (name) {
                case "store" -> order.store = parser.getText();
                case "fetched_at" -> order.fetchedAt = parser.getLongValue();
                case "live_since" -> order.liveSince = parser.getLongValue();
                case "entity" -> Json.object(parser, (field, inner) -> order(order, field, inner));
                case "status_changes" -> Json.array(parser, each -> order.changes.add(change(each)));
                default -> parser.skipChildren();
            }
        });
        return order;
    }

    private static void order(Order order, String name, JsonParser parser) throws IOException {
        switch (name) {
            case "id" -> order.id = parser.getLongValue();
            case "customer_id" -> order.customer = parser.getLongValue();
            case "status_id" -> order.status = parser.getIntValue();
            case "date_created" -> order.createdAt = rfc2822(parser.getText());
            case "date_modified" -> order.modifiedAt = rfc2822(parser.getText());
            case "total_inc_tax" -> order.total = Json.amount(parser);
            case "default_currency_code" -> order.currency = parser.getText();
            case "payment_method" -> order.payment = Json.text(parser);
            case "cart_id" -> order.cart = Json.text(parser);
            case "channel_id" -> order.channel = parser.getIntValue();
            case "billing_address" -> order.billing = texts(parser);
            case "consignments" -> Json.object(parser, (kind, groups) -> {
                if (kind.equals("email")) {
                    groups.skipChildren();
                } else {
                    Json.array(groups, group -> Json.object(group, (field, inner) -> {
                        if (field.equals("line_items")) {
                            Json.array(inner, each -> order.lines.add(line(each)));
                        } else {
                            inner.skipChildren();
                        }
                    }));
                }
            });
            default -> parser.skipChildren();
        }
    }

    private static Change change(JsonParser parser) throws IOException {
        String[] hash = {""};
        long[] numbers = new long[3];
        Json.object(parser, (name, field) -> {
            switch (name) {
                case "hash" -> hash[0] = field.getText();
                case "created_at" -> numbers[0] = field.getLongValue();
                case "previous" -> numbers[1] = field.getLongValue();
                case "new" -> numbers[2] = field.getLongValue();
                default -> field.skipChildren();
            }
        });
        return new Change(hash[0], numbers[0], (int) numbers[1], (int) numbers[2]);
    }

    private static Line line(JsonParser parser) throws IOException {
        Line line = new Line();
        Json.object(parser, (name, field) -> {
            switch (name) {
                case "id" -> line.id = Json.text(field);
                case "product_id" -> line.product = Json.text(field);
                case "variant_id" -> line.variant = Json.text(field);
                case "sku" -> line.sku = Json.text(field);
                case "name" -> line.name = Json.text(field);
                case "url" -> line.url = Json.text(field);
                case "image_url" -> line.image = Json.text(field);
                case "quantity" -> line.quantity = field.getLongValue();
                case "price_inc_tax", "sale_price" -> line.price = Json.amount(field);
                default -> field.skipChildren();
            }
        });
        return line;
    }

    static final class Cart {
        String kind = "";
        String store = "";
        String id = "";
        long fetchedAt;
        long liveSince = Long.MAX_VALUE;
        long order;
        long customer;
        long version;
        String email = "";
        String currency = "";
        int channel = 1;
        long total;
        long updatedAt;
        final List<Line> lines = new ArrayList<>();
    }

    static Cart cart(byte[] value) {
        Cart cart = new Cart();
        Json.read(value, (name, parser) -> {
            switch (name) {
                case "kind" -> cart.kind = parser.getText();
                case "store" -> cart.store = parser.getText();
                case "id" -> cart.id = parser.getText();
                case "fetched_at" -> cart.fetchedAt = parser.getLongValue();
                case "live_since" -> cart.liveSince = parser.getLongValue();
                case "order_id" -> cart.order = Json.number(parser);
                case "entity" -> Json.object(parser, (field, inner) -> cart(cart, field, inner));
                default -> parser.skipChildren();
            }
        });
        return cart;
    }

    private static void cart(Cart cart, String name, JsonParser parser) throws IOException {
        switch (name) {
            case "customer_id" -> cart.customer = Json.number(parser);
            case "email" -> cart.email = Json.text(parser);
            case "channel_id" -> cart.channel = parser.getIntValue();
            case "version" -> cart.version = Json.number(parser);
            case "cart_amount" -> cart.total = Json.amount(parser);
            case "updated_time" -> cart.updatedAt = iso(parser.getText());
            case "currency" -> cart.currency = texts(parser).getOrDefault("code", "");
            case "line_items" -> Json.object(parser, (kind, items) -> {
                if (kind.equals("gift_certificates")) {
                    items.skipChildren();
                } else {
                    Json.array(items, each -> cart.lines.add(line(each)));
                }
            });
            default -> parser.skipChildren();
        }
    }

    static final class Customer {
        String store = "";
        long fetchedAt;
        long liveSince = Long.MAX_VALUE;
        long id;
        String email = "";
        String phone = "";
        long createdAt;
        long modifiedAt;
        int channel = 1;
        final Map<String, String> attributes = new LinkedHashMap<>();
    }

    static Customer customer(byte[] value) {
        Customer customer = new Customer();
        Json.read(value, (name, parser) -> {
            switch (name) {
                case "store" -> customer.store = parser.getText();
                case "fetched_at" -> customer.fetchedAt = parser.getLongValue();
                case "live_since" -> customer.liveSince = parser.getLongValue();
                case "entity" -> Json.object(parser, (field, inner) -> customer(customer, field, inner));
                default -> parser.skipChildren();
            }
        });
        return customer;
    }

    private static void customer(Customer customer, String name, JsonParser parser) throws IOException {
        switch (name) {
            case "id" -> customer.id = parser.getLongValue();
            case "email" -> customer.email = parser.getText();
            case "phone" -> customer.phone = Json.text(parser);
            case "first_name" -> customer.attributes.put("FIRSTNAME", parser.getText());
            case "last_name" -> customer.attributes.put("LASTNAME", parser.getText());
            case "company" -> customer.attributes.put("COMPANY", parser.getText());
            case "customer_group_id" -> customer.attributes.put("CUSTOMER_GROUP", Json.text(parser));
            case "origin_channel_id" -> customer.channel = parser.getIntValue();
            case "date_created" -> {
                customer.createdAt = iso(parser.getText());
                customer.attributes.put("SIGNUP_DATE", parser.getText().substring(0, 10));
            }
            case "date_modified" -> customer.modifiedAt = iso(parser.getText());
            case "addresses" -> Json.array(parser, each -> address(customer, texts(each)));
            default -> parser.skipChildren();
        }
    }

    private static void address(Customer customer, Map<String, String> found) {
        customer.attributes.putIfAbsent("CITY", found.get("city"));
        customer.attributes.putIfAbsent("STATE", found.get("state_or_province"));
        customer.attributes.putIfAbsent("COUNTRY", found.get("country"));
        customer.attributes.putIfAbsent("ZIP", found.get("postal_code"));
    }

    /** The fields of an object that are plain. */
    private static Map<String, String> texts(JsonParser parser) throws IOException {
        Map<String, String> found = new LinkedHashMap<>();
        Json.object(parser, (name, field) -> {
            if (field.currentToken().isStructStart()) {
                field.skipChildren();
            } else {
                found.put(name, Json.text(field));
            }
        });
        return found;
    }

    static long iso(String text) {
        return text.isEmpty() ? 0 : Instant.parse(text).toEpochMilli();
    }

    private static long rfc2822(String text) {
        return text.isEmpty() ? 0 : Instant.from(DateTimeFormatter.RFC_1123_DATE_TIME.parse(text)).toEpochMilli();
    }

    /** `+15125550143` of `(512) 555-0143`, roughly: digits and a leading plus. */
    static String phone(String text, String code) {
        StringBuilder digits = new StringBuilder(16);
        for (int i = 0; i < text.length(); i++) {
            if (Character.isDigit(text.charAt(i))) {
                digits.append(text.charAt(i));
            }
        }
        if (digits.length() < 7) {
            return null;
        }
        return (text.startsWith("+") ? "+" : code) + digits;
    }
}

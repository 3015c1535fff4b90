package tajo.benchmarks;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/** A map without state: a product and its variants, as Brevo's catalogue takes them. */
final class MixProducts implements Processor<byte[], byte[], byte[], byte[]> {
    private static final byte[] ACCOUNT = "main".getBytes(StandardCharsets.US_ASCII);

    private ProcessorContext<byte[], byte[]> context;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        Product product = Product.read(record.value());
        send(product, null, record.timestamp());
        for (Variant variant : product.variants) {
            if (!variant.options.isEmpty()) {
                send(product, variant, record.timestamp());
            }
        }
    }

    private void send(Product product, Variant variant, long timestamp) {
        String parent = product.store + ":" + product.id;
        String id = variant == null ? parent : parent + "-" + variant.id;
        byte[] json = Json.write(out -> {
            out.writeStringField("kind", "product");
            out.writeStringField("id", "product:" + id);
            out.writeObjectFieldStart("document");
            document(product, variant, parent, id, out);
            out.writeEndObject();
            out.writeBooleanField("deleted", false);
            out.writeNumberField("at", product.fetchedAt);
        });
        String occasion = "product:" + id + ":" + product.fetchedAt;
        var headers = Command.headers(occasion, "tajo/catalogue", "brevo.command.product", product.fetchedAt);
        context.forward(new Record<>(ACCOUNT, json, timestamp, headers));
    }

    private static void document(Product product, Variant variant, String parent, String id, JsonGenerator out)
            throws IOException {
        out.writeArrayFieldStart("categories");
        for (String category : product.categories) {
            out.writeString(product.store + ":" + category);
        }
        out.writeEndArray();
        out.writeStringField("id", id);
        boolean own = variant != null && !variant.image.isEmpty();
        out.writeStringField("imageUrl", own ? variant.image : product.image);
        out.writeBooleanField("isDeleted", false);
        out.writeObjectFieldStart("metaInfo");
        out.writeStringField("availability", product.availability);
        out.writeStringField("currency", product.currency);
        out.writeStringField("store", product.store);
        out.writeBooleanField("visible", product.visible);
        out.writeEndObject();
        out.writeStringField("name", variant == null ? product.name : product.name + " (" + variant.options + ")");
        if (variant != null) {
            out.writeStringField("parentId", parent);
        }
        out.writeNumberField("price", (variant == null ? product.price : variant.price) / 10_000.0);
        out.writeStringField("sku", variant == null ? product.sku : variant.sku);
        if (!product.tracking.equals("none")) {
            out.writeNumberField("stock", variant == null ? product.stock : variant.stock);
        }
        out.writeStringField("url", product.shop + product.path);
    }

    private static final class Variant {
        String id = "";
        String sku = "";
        String image = "";
        String options = "";
        long price;
        long stock;

        static Variant read(JsonParser parser) throws IOException {
            Variant variant = new Variant();
            Json.object(parser, (name, field) -> {
                switch (name) {
                    case "id" -> variant.id = Json.text(field);
                    case "sku" -> variant.sku = Json.text(field);
                    case "image_url" -> variant.image = Json.text(field);
                    case "calculated_price" -> variant.price = Json.amount(field);
                    case "inventory_level" -> variant.stock = Json.number(field);
                    case "option_values" -> Json.array(field, each -> Json.object(each, (key, value) -> {
                        if (key.equals("label")) {
                            variant.options = Json.text(value);
                        } else {
                            value.skipChildren();
                        }
                    }));
                    default -> field.skipChildren();
                }
            });
            return variant;
        }
    }

    private static final class Product {
        String store = "";
        String currency = "";
        String shop = "";
        long fetchedAt;
        String id = "";
        String name = "";
        String sku = "";
        String tracking = "none";
        String availability = "";
        String path = "";
        String image = "";
        boolean visible;
        long price;
        long stock;
        final List<String> categories = new ArrayList<>();
        final List<Variant> variants = new ArrayList<>();

        static Product read(byte[] value) {
            Product product = new Product();
            Json.read(value, (name, parser) -> {
                switch (name) {
                    case "store" -> product.store = parser.getText();
                    case "store_currency" -> product.currency = parser.getText();
                    case "fetched_at" -> product.fetchedAt = parser.getLongValue();
                    case "url" -> product.shop = parser.getText();
                    case "entity" -> Json.object(parser, product::entity);
                    default -> parser.skipChildren();
                }
            });
            return product;
        }

        private void entity(String field, JsonParser parser) throws IOException {
            switch (field) {
                case "id" -> id = Json.text(parser);
                case "name" -> name = Json.text(parser);
                case "sku" -> sku = Json.text(parser);
                case "calculated_price" -> price = Json.amount(parser);
                case "categories" -> Json.array(parser, each -> categories.add(each.getText()));
                case "inventory_level" -> stock = Json.number(parser);
                case "inventory_tracking" -> tracking = Json.text(parser);
                case "is_visible" -> visible = parser.getBooleanValue();
                case "availability" -> availability = Json.text(parser);
                case "custom_url" -> Json.object(parser, (name, value) -> {
                    if (name.equals("url")) {
                        path = Json.text(value);
                    } else {
                        value.skipChildren();
                    }
                });
                case "images" -> Json.array(parser, this::image);
                case "variants" -> Json.array(parser, each -> variants.add(Variant.read(each)));
                default -> parser.skipChildren();
            }
        }

        private void image(JsonParser parser) throws IOException {
            String[] url = {""};
            boolean[] thumbnail = {false};
            Json.object(parser, (name, field) -> {
                switch (name) {
                    case "url_standard" -> url[0] = Json.text(field);
                    case "is_thumbnail" -> thumbnail[0] = field.getBooleanValue();
                    default -> field.skipChildren();
                }
            });
            image = image.isEmpty() || thumbnail[0] ? url[0] : image;
        }
    }
}

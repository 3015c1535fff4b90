package tajo.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What the tables tell each other. */
final class MixMessages {
    private MixMessages() {}

    /** What an order contributes to its customer. {@code guest}: profile of a guest, else null. */
    record Part(long order, long at, long modifiedAt, boolean counted, String currency, long net, int channel,
            String email, Map<String, String> guest, String phone) {
        static Part load(Wire.In in) {
            return new Part(in.number(), in.number(), in.number(), in.flag(), in.text(), in.number(), in.small(),
                    in.text(), in.flag() ? in.texts() : null, in.text());
        }

        Wire.Out dump(Wire.Out out) {
            out.number(order).number(at).number(modifiedAt).flag(counted).text(currency).number(net).small(channel);
            out.text(email).flag(guest != null);
            if (guest != null) {
                out.texts(guest);
            }
            return out.text(phone);
        }
    }

    /** A cart that is open, or not any more. */
    record CartPart(String cart, boolean open, long at, long changedAt, String email, int channel) {
        static CartPart load(Wire.In in) {
            return new CartPart(in.text(), in.flag(), in.number(), in.number(), in.text(), in.small());
        }

        Wire.Out dump(Wire.Out out) {
            return out.text(cart).flag(open).number(at).number(changedAt).text(email).small(channel);
        }
    }

    /** To a customer: an order's part with its papers, or a cart's transition. Null is what is not told. */
    record ToCustomer(Part part, List<Command> papers, CartPart cart) {
        static ToCustomer load(Wire.In in) {
            Part part = in.flag() ? Part.load(in) : null;
            List<Command> papers = commands(in);
            return new ToCustomer(part, papers, in.flag() ? CartPart.load(in) : null);
        }

        void dump(Wire.Out out) {
            out.flag(part != null);
            if (part != null) {
                part.dump(out);
            }
            MixMessages.dump(papers, out);
            out.flag(cart != null);
            if (cart != null) {
                cart.dump(out);
            }
        }
    }

    /** All that one customer says about a contact. {@code present} false: it says nothing any more. */
    record Contribution(boolean present, String source, String store, boolean registered, long changedAt,
            Map<String, String> attributes, String phone, int orders, int knownOrders, long reporting, int channel) {
        static Contribution load(Wire.In in) {
            return new Contribution(in.flag(), in.text(), in.text(), in.flag(), in.number(), in.texts(), in.text(),
                    in.small(), in.small(), in.number(), in.small());
        }

        Wire.Out dump(Wire.Out out) {
            out.flag(present).text(source).text(store).flag(registered).number(changedAt).texts(attributes).text(phone);
            return out.small(orders).small(knownOrders).number(reporting).small(channel);
        }
    }

    record ToContact(String source, Contribution contribution, List<Command> papers, CartPart cart) {
        static ToContact load(Wire.In in) {
            String source = in.text();
            Contribution contribution = in.flag() ? Contribution.load(in) : null;
            List<Command> papers = commands(in);
            return new ToContact(source, contribution, papers, in.flag() ? CartPart.load(in) : null);
        }

        byte[] dump() {
            Wire.Out out = new Wire.Out().text(source).flag(contribution != null);
            if (contribution != null) {
                contribution.dump(out);
            }
            MixMessages.dump(papers, out);
            out.flag(cart != null);
            return (cart == null ? out : cart.dump(out)).done();
        }
    }

    static List<Command> commands(Wire.In in) {
        int count = in.small();
        List<Command> commands = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            commands.add(Command.load(in));
        }
        return commands;
    }

    static void dump(List<Command> commands, Wire.Out out) {
        out.small(commands.size());
        commands.forEach(command -> command.dump(out));
    }
}

"""What people see: ids that can be typed, no personal data in a list, and nothing that moves the cursor."""

import msgspec
import pytest

from schemas import topics
from schemas.decisions import DeadLetterDecision
from streams.names import Names
from tajo.dlq import shown
from tajo.dlq.letters import SOURCES, Letter, Place, place_named, topic_named
from tajo.dlq.standing import Standing
from tajo.errors import SettingsError

AT = 1_790_000_000_000
HEADERS = (
    ("ce_type", b"commerce.order.fetched"),
    ("__connect.errors.topic", topics.ORDER.encode()),
    ("__connect.errors.partition", b"2"),
    ("__connect.errors.offset", b"5"),
    ("__connect.errors.stage", b"fold"),
    ("__connect.errors.exception.class.name", b"BadRecord"),
    ("__connect.errors.exception.message", b"No contact ann@shop.test.\nLook \x1b[31mhere."),
)


def standing(value: bytes | None = b"{}", decision: DeadLetterDecision | None = None) -> Standing:
    letter = Letter(Place(topics.ORDER, 2, 17), AT, b"s1/guest:ann@shop.test", value, HEADERS)
    return Standing(letter, "open" if decision is None else "dropped", decision, "")


@pytest.mark.parametrize("topic", SOURCES)
def test_an_id_leads_back_to_its_letter_and_a_topic_has_three_names(topic: str) -> None:
    assert place_named(str(Place(topic, 3, 1_000_000))) == Place(topic, 3, 1_000_000)
    assert topic_named(topic) == topic_named(topic.removesuffix(".v1")) == topic_named(topics.dead(topic)) == topic


@pytest.mark.parametrize("text", ["", "commerce.order", "commerce.order:1", "moon:0:1", "commerce.order:-1:2", "a:b:c"])
def test_what_is_no_id_is_told_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError, match=r"they look like commerce\.order:2:17"):
        place_named(text)
    with pytest.raises(SettingsError, match=r"'moon' has no dead letters; these can: bigcommerce\.webhook, "):
        topic_named("moon")


def test_a_list_shows_neither_values_nor_addresses() -> None:
    rows = list(shown.rows(standing(b"the secret")))
    assert rows == [
        "commerce.order:2:17  2026-09-21T14:13:20Z  open  fold  s1/guest:…@…",
        "    BadRecord: No contact …@….",
    ]
    line = msgspec.json.encode(shown.line(standing(b"the secret"))).decode()
    assert "secret" not in line
    assert "shop.test" not in line
    assert msgspec.json.decode(line)["offset"] == 5


def test_a_letter_is_shown_whole() -> None:
    decision = DeadLetterDecision(
        letter="commerce.order:2:17", letter_at=AT, decision="dropped", at=AT + 1_000, by="kim", reason="a test order"
    )
    assert list(shown.whole(standing(b'{"id":7,"name":"\xc2\x9b"}', decision), Names(prefix="p-"))) == [
        "id        commerce.order:2:17",
        "written   2026-09-21T14:13:20Z",
        "state     dropped",
        "decided   dropped by kim at 2026-09-21T14:13:21Z, a test order",
        "lies in   p-commerce.order.dead.v1",
        "from      p-commerce.order.v1, partition 2, offset 5",
        "stage     fold",
        "reason    BadRecord: No contact ann@shop.test.\nLook \\x1b[31mhere.",
        "key       s1/guest:ann@shop.test",
        "header    ce_type: commerce.order.fetched",
        "value",
        "  {",
        '    "id": 7,',
        '    "name": "\\x9b"',
        "  }",
    ]


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        (None, ["  (none: a tombstone)"]),
        (b"", ["  "]),
        (b"no \x1b[2J json", ["  no \\x1b[2J json"]),
        (b"\xff\x00\x10", ["  3 bytes: ff 00 10"]),
        (b"x" * 25, ["  " + "x" * 20, "  … and 5 more characters: `tajo dlq show commerce.order:2:17 --whole`"]),
    ],
)
def test_every_value_can_be_shown(value: bytes | None, rows: list[str]) -> None:
    found = list(shown.whole(standing(value), Names(), most=20))
    assert found[found.index("value") + 1 :] == rows

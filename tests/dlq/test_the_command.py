"""`tajo dlq` as a program: what it prints, what it records, and what it says when something is wrong."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from schemas import topics
from streams.access import Kafka
from tajo.components import Components
from tajo.dlq import commands, deciding
from tajo.errors import SettingsError, TopicsError, exit_code
from tajo.kafka.ports import free_port
from tajo.settings import load
from tests.dlq.desk import STORE, OrdersDesk, components, configured, decisions, one, program, states, written

pytestmark = pytest.mark.kafka


async def test_letters_are_dropped_shown_and_listed(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    made = await components(tmp_path, kafka, topic_prefix)
    desk = OrdersDesk(made, tmp_path / "orders")
    fact = json.dumps({"store": STORE, "id": "7", "entity": {"email": "ann@shop.test"}}).encode()
    await desk.stand.write(topics.ORDER, (b"%s/7" % STORE.encode(), fact, ()), (b"?", b"{", ()), (b"?", b"{", ()))
    await desk.fold()
    await desk.stand.end()

    (status, out, _), (_, whole, _) = await asyncio.gather(
        program(tmp_path, "drop", "commerce.order:0:1", "--reason", "typed by hand"),
        program(tmp_path, "show", "commerce.order:0:0"),
    )
    assert (status, out) == (0, "commerce.order:0:1  dropped\n")
    assert f"from      {topic_prefix}commerce.order.v1, partition 0, offset 0" in whole
    assert '      "email": "ann@shop.test"' in whole.splitlines()
    (dropped,) = await decisions(made)
    assert (dropped.letter, dropped.decision, dropped.reason) == ("commerce.order:0:1", "dropped", "typed by hand")
    assert dropped.by
    again = await one(partial(deciding.drop, reason="again"), made, "commerce.order:0:1")
    assert (again.done, again.said) == (True, f"was dropped already by {dropped.by}")

    assert (await one(deciding.retry, made, "commerce.order:0:0")).done
    hopeless = await one(deciding.retry, made, "commerce.order:0:2")
    assert (hopeless.done, hopeless.said) == (
        False,
        "not retried: its key does not name the order that it is about: drop it.",
    )
    assert [record.key for record in await written(made, topics.REQUEST)] == [STORE.encode()]
    assert [decision.letter for decision in await decisions(made)] == ["commerce.order:0:1", "commerce.order:0:0"]

    (status, listed, _), (_, everything, _) = await asyncio.gather(
        program(tmp_path, "list", "--since", "2h"),
        program(tmp_path, "list", "--all", "--json", "--topic", "commerce.order"),
    )
    lines = listed.splitlines()
    assert (status, lines[-1]) == (0, "2 dead letters; 1 settled, which --all shows")
    assert lines[0].startswith("commerce.order:0:0  ")
    assert lines[0].endswith(f"Z  retried by {dropped.by}  decode  {STORE}/7")
    assert lines[2].endswith("Z  open  decode  ?")
    assert all(reason.startswith("    BadRecord: ") for reason in (lines[1], lines[3]))
    found = [json.loads(line) for line in everything.splitlines()]
    assert [(line["id"], line["state"], line.get("why")) for line in found] == [
        ("commerce.order:0:0", "retried", None),
        ("commerce.order:0:1", "dropped", "typed by hand"),
        ("commerce.order:0:2", "open", None),
    ]


async def test_what_is_wrong_is_told_in_a_sentence(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    await components(tmp_path, kafka, topic_prefix)
    nowhere = f"127.0.0.1:{free_port()}"
    missing, away = await asyncio.gather(
        program(tmp_path, "show", "commerce.order:0:5"), program(tmp_path, "list", "--bootstrap-servers", nowhere)
    )
    assert (missing[0], away[0]) == (1, 3)
    for (_, out, err), sentence in (
        (missing, "There is no dead letter commerce.order:0:5: `tajo dlq list --all` shows"),
        (away, f"No Kafka broker answers at {nowhere} "),
    ):
        (line,) = [line for line in err.splitlines() if not line.startswith("note: ")]
        assert (out, line.startswith(f"tajo: {sentence}")) == ("", True), line


async def test_before_the_topics_are_applied_there_are_no_letters_and_no_decisions(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    made = Components(load(configured(tmp_path, kafka, topic_prefix)), Kafka(kafka))
    assert await states(made) == {}
    with pytest.raises(TopicsError, match="`tajo topics apply` makes it"):
        await one(deciding.retry, made, "commerce.order:0:5")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (partial(commands.drop, ["order 5"]), "ID: 'order 5' is no dead letter's id; they look like"),
        (partial(commands.retry, topic="commerce.order"), "name letters by their ids, or a --topic with --all."),
        (partial(commands.retry, everything=True), "name letters by their ids, or a --topic with --all."),
        (partial(commands.retry, ["commerce.order:0:5"], everything=True), "name letters by their ids"),
        (partial(commands.retry), "name letters by their ids, or a --topic with --all."),
        (partial(commands.retry, topic="moon", everything=True), "--topic: 'moon' has no dead letters"),
        (partial(commands.list_letters, since="yesterday"), "--since: 'yesterday' is no span: it has to be a span of"),
    ],
)
def test_a_mistyped_command_is_told_before_anything_is_asked(wrong: Callable[[], None], sentence: str) -> None:
    with pytest.raises(SettingsError) as found:
        wrong()
    assert str(found.value).startswith("command line: ")
    assert sentence in str(found.value)
    assert exit_code(found.value) == 2

"""`tajo topology` prints what docs/topology.md shows, and that is what runs."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas import topics
from streams import topology
from streams.names import Names
from tajo.cli import app
from tajo.components import Components
from tajo.errors import SettingsError
from tajo.settings import load
from tajo.topology import PAGE, Graph, page
from tests.docs.pages import blocks
from tests.e2e.stand import DOCUMENTED


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder without a configuration, and no environment either."""
    monkeypatch.chdir(tmp_path)
    for name in ("PARTITIONS", "PREFIX", "BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(f"TAJO_KAFKA__{name}", raising=False)
    return tmp_path


def printed(*arguments: str) -> str:
    ran = CliRunner().invoke(app, ["topology", *arguments], catch_exceptions=False)
    assert ran.exit_code == 0
    return ran.output


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tajo.topology"


def test_the_command_prints_the_page_without_a_store_or_a_broker(elsewhere: Path) -> None:
    mermaid, text = blocks(PAGE)
    assert (mermaid.language, printed("--mermaid")) == ("mermaid", mermaid.text)
    assert (text.language, printed()) == ("text", text.text)


def test_names_and_partitions_are_those_of_the_configuration(elsewhere: Path) -> None:
    (elsewhere / "tajo.yml").write_text("kafka: {prefix: shop-, partitions: 6}\nstores: [{access_token: 5}]\n")
    text = printed()
    assert "group shop-tajo.v1\n" in text
    assert "producers  shop-v1/contacts/0 to shop-v1/contacts/5\n" in text
    assert re.search(r"^shop-tajo\.v1\.customers +6 ", text, re.MULTILINE)
    assert re.search(r"^shop-tajo\.projection\.v1 +1 ", text, re.MULTILINE)
    assert "shop-commerce.order.v1 ×6" in printed("--mermaid")


def test_what_is_wrong_about_kafka_is_told(elsewhere: Path) -> None:
    (elsewhere / "tajo.yml").write_text("kafka: {partitions: none}\n")
    with pytest.raises(SettingsError, match=r"tajo.yml, line 1: kafka.partitions: "):
        printed()


def test_every_line_of_the_picture_leads_from_and_to_what_is_drawn() -> None:
    drawn = Graph(Names(), 4).mermaid()
    ids = set(re.findall(r"^ +(\w+)\[", drawn, re.MULTILINE))
    ends = re.findall(r"^  (\w+) (?:-->|-\. tick \.->) (\w+)$", drawn, re.MULTILINE)
    assert {end for pair in ends for end in pair} == ids


def test_what_runs_is_what_is_shown() -> None:
    """The roles that the engine is given read and keep what the graph says."""
    settings = load(DOCUMENTED, {"BREVO_API_KEY": "key"})
    made = Components(settings, settings.kafka_access("localhost:1"))
    roles = [made.enrich_role(), *made.fold_roles(), made.sink_role({})]
    shown = [node for node in topology.nodes() if node.inputs]
    assert [(role.name, role.inputs, role.versioned) for role in roles] == [
        (node.name, node.inputs, node.versioned) for node in shown
    ]


def test_every_topic_is_somebodys() -> None:
    used = {topic for node in topology.nodes() for topic in (*node.inputs, *node.outputs)}
    public = {topic.name for topic in topics.CATALOGUE if ".dead." not in topic.name}
    assert public | set(topics.INNER) == used - {topics.dead(topics.WEBHOOK), topics.dead(topics.BREVO_EVENT)}

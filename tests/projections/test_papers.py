"""Order records and events on their way: written once, addressed at the end."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from projections.papers import addressed, paper
from schemas.commands import Command, PutOrder, SendEvent
from tests.projections.contacts_made import event, record

EMAILS = st.emails() | st.text()
PROPERTIES = st.dictionaries(st.text(), st.integers(-(2**53), 2**53) | st.text() | st.lists(st.booleans()))


@given(EMAILS, PROPERTIES)
def test_an_addressed_paper_is_its_command_with_the_email(email: str, properties: dict[str, object]) -> None:
    told = event("order_placed:shop:1")
    told.properties = properties
    commands: list[PutOrder | SendEvent] = [told, record(billing={"city": "Zürich"}, meta={"status_id": 2})]
    for command in commands:
        command.email = ""
        sent = msgspec.json.decode(addressed(paper(command), email), type=Command)
        command.email = email
        assert sent == command


def test_a_paper_says_what_it_is_about_without_being_opened() -> None:
    told = paper(event("order_placed:shop:1", 5))
    assert (told.kind, told.id, told.at) == ("event", "order_placed:shop:1", 5)
    filed = paper(record(100, updated_at=7))
    assert (filed.kind, filed.id, filed.at) == ("order", "order:shop:100", 7)

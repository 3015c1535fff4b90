"""A Brevo account on a clock that stands, and a client of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from emulators.brevo import Brevo
from emulators.clock import StandingClock

NOW = 1_790_000_400_000
"""2026-09-21T14:20:00Z."""

ATTRIBUTES = {
    "FIRSTNAME": "text",
    "LASTNAME": "text",
    "TOTAL_SPENT": "float",
    "SIGNUP_DATE": "date",
    "IS_B2B": "boolean",
}
LISTS = {40: "all_customers", 41: "buyers", 42: "abandoned_cart"}
ANN = {"email": "ann@shop.test"}


class Account(Brevo):
    """With the clock and the client that tests need."""

    def __init__(self, **more: object) -> None:
        self.clock = StandingClock(NOW)
        given = {"api_key": "xkeysib-test", "attributes": ATTRIBUTES, "lists": LISTS, **more}
        super().__init__(self.clock, **given)  # type: ignore[arg-type]
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url="http://brevo.test/v3",
            headers={"api-key": "xkeysib-test"},
        )

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(self.clock.now() + round(seconds * 1000))

    async def add(self, email: str = "ann@shop.test", **fields: object) -> int:
        """Makes a contact and gives its id."""
        answer = await self.http.post("/contacts", json={"email": email, **fields})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])


@asynccontextmanager
async def account(**more: object) -> AsyncIterator[Account]:
    made = Account(**more)
    async with made.http:
        yield made


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of a refusal, whose envelope is checked."""
    body = answer.json()
    assert body.keys() <= {"code", "message", "metadata"}
    assert isinstance(body["message"], str)
    return answer.status_code, str(body["code"])

"""``/account`` and ``/ecommerce``."""

import re

from starlette.requests import Request
from starlette.responses import Response

from emulators.brevo.account import COMMERCE_DELAY, Account
from emulators.brevo.body import Body
from emulators.brevo.errors import Refusal, json_response

_CURRENCY = re.compile(r"[A-Z]{3}")


class SettingCalls:
    def __init__(self, account: Account, owner_email: str, tracker_key: str) -> None:
        self._account = account
        self._owner_email = owner_email
        self._tracker_key = tracker_key

    async def account(self, _: Request) -> Response:
        address = {"street": "1 Example Street", "city": "Austin", "zipCode": "78701", "country": "United States"}
        relay = {"userName": self._owner_email, "relay": "smtp-relay.example.com", "port": 587}
        return json_response(
            {
                "organization_id": "0000000000000000000000e1",
                "user_id": 1,
                "enterprise": False,
                "companyName": "Example",
                "email": self._owner_email,
                "firstName": "Owner",
                "lastName": "Example",
                "address": address,
                "plan": [{"type": "subscription", "credits": 0, "creditsType": "sendLimit"}],
                "relay": {"enabled": True, "data": relay},
                "marketingAutomation": {"enabled": True, "key": self._tracker_key},
            }
        )

    async def activate(self, _: Request) -> Response:
        if self._account.state.commerce_from is None:
            self._account.state.commerce_from = self._account.now() + COMMERCE_DELAY
        return json_response({"message": "E-commerce will be activated soon"})

    async def currency(self, _: Request) -> Response:
        self._account.check_commerce()
        return json_response({"code": self._account.state.currency})

    async def set_currency(self, request: Request) -> Response:
        self._account.check_commerce()
        code = (await Body.of(request)).required_text("code")
        if not _CURRENCY.fullmatch(code):
            raise Refusal(422, "unprocessable_entity", f"code is {code!r}, but an ISO 4217 code is expected")
        self._account.state.currency = code
        return json_response({"code": code})

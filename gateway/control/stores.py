"""Connecting a store, forgetting it, and which there are."""

import re

from pydantic import BaseModel

from gateway.control.models import STORE_HASH, Connect
from gateway.control.ports import Stores
from gateway.control.resource import Call
from gateway.errors import Declined


class StoreHandlers:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def listed(self, call: Call) -> tuple[int, BaseModel]:
        return 200, self._stores.listed()

    async def connect(self, call: Call) -> tuple[int, BaseModel]:
        return 200, await self._stores.connect(call.read(Connect))

    async def disconnect(self, call: Call) -> tuple[int, BaseModel]:
        store_hash = call.path["store_hash"]
        if not re.fullmatch(STORE_HASH, store_hash):
            raise Declined(404, "There is no such store: a hash has letters and digits only.")
        return 200, await self._stores.disconnect(store_hash)

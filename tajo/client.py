"""The Python client of the control API.

async with TajoClient(api_key=token) as tajo:
    await tajo.connectors.connect("bigcommerce", store_hash=..., access_token=..., client_id=...)
    await tajo.connectors.handle_webhook("bigcommerce", topic=scope, payload=data)
"""

import base64
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import httpx

from tajo.errors import ControlRefused, ControlUnreachable

__all__ = ["Connectors", "TajoClient"]

DEFAULT_URL: Final = "http://127.0.0.1:8080"


class Connectors:
    """Each call raises ControlUnreachable when no answer comes, and ControlRefused with the gateway's sentence."""

    def __init__(self, http: httpx.AsyncClient, brevo_api_key: str | None) -> None:
        self._http, self._brevo_api_key = http, brevo_api_key

    async def connect(
        self,
        connector: str,
        *,
        store_hash: str,
        access_token: str,
        client_id: str,
        client_secret: str | None = None,
        name: str | None = None,
    ) -> dict[str, Any]:
        """Checks the credentials with BigCommerce and keeps them, encrypted. Returns what was connected."""
        wish = {
            "store_hash": store_hash,
            "access_token": access_token,
            "client_id": client_id,
            "client_secret": client_secret,
            "name": name,
            "brevo_api_key": self._brevo_api_key,
        }
        return await self._asked("POST", f"{_path(connector)}/connect", _given(wish))

    async def disconnect(self, connector: str, store_hash: str) -> dict[str, Any]:
        """Forgets the credentials that were given to ``connect``."""
        return await self._asked("DELETE", f"{_path(connector)}/{store_hash}")

    async def connected(self) -> list[dict[str, Any]]:
        """Which stores are connected."""
        found: list[dict[str, Any]] = (await self._asked("GET", "/v1/connectors"))["connectors"]
        return found

    async def handle_webhook(
        self,
        connector: str,
        *,
        topic: str | None = None,
        payload: Mapping[str, Any] | list[Any] | None = None,
        store_hash: str | None = None,
        raw: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Hands a delivery on that came in at a web server of your own; durable when it returns.

        With ``topic`` (the scope) and ``payload`` (its `data`) it is trusted by the token. With ``raw``, the body as it
        came, and ``headers`` it is verified like a direct delivery. ``store_hash``: when several stores are connected.
        """
        if raw is not None and topic is None and payload is None and headers is not None:
            body = raw.encode() if isinstance(raw, str) else raw
            content: dict[str, Any] = {
                "raw": base64.b64encode(body).decode(),
                "encoding": "base64",
                "headers": dict(headers),
            }
        elif raw is None and headers is None and topic is not None and payload is not None:
            content = {"topic": topic, "payload": payload}
        else:
            raise TypeError("handle_webhook takes topic and payload, or raw and headers.")
        return await self._asked(
            "POST", f"{_path(connector)}/webhook", {**content, **_given({"store_hash": store_hash})}
        )

    async def _asked(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise ControlUnreachable(
                f"No answer from {self._http.base_url} ({type(error).__name__}): see whether the gateway runs, and "
                f"whether base_url or TAJO_URL is its address."
            ) from error
        try:
            content = answer.json()
        except ValueError:
            content = None
        if not isinstance(content, dict):
            sentence = f"{self._http.base_url} does not answer as the control API does (status {answer.status_code})."
            raise ControlRefused(sentence, status=answer.status_code)
        if not answer.is_success:
            raise ControlRefused(str(content.get("error")), status=answer.status_code)
        return content


class TajoClient:
    """An async context manager. ``api_key``: a token of the installation (`tajo token create`).

    ``brevo_api_key``: of the account that stores report to which are connected by this client; that of the
    installation's configuration unless given. ``base_url``: of the gateway; else TAJO_URL, else http://127.0.0.1:8080.
    """

    def __init__(
        self, *, api_key: str, brevo_api_key: str | None = None, base_url: str | None = None, timeout: float = 30.0
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url or os.environ.get("TAJO_URL") or DEFAULT_URL,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=timeout,
        )
        self.connectors = Connectors(self._http, brevo_api_key)

    def __repr__(self) -> str:
        return f"TajoClient(base_url={str(self._http.base_url)!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()


def _path(connector: str) -> str:
    if connector != "bigcommerce":
        raise ValueError(f'There is no connector "{connector}": there is bigcommerce.')
    return f"/v1/connectors/{connector}"


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}

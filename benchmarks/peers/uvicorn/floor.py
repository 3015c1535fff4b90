"""uvicorn with uvloop and httptools, answering 204 and doing nothing: `python floor.py HOST PORT`."""

import sys
from typing import Any

import uvicorn

_EMPTY: list[tuple[bytes, bytes]] = []


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": _EMPTY})
    await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    uvicorn.run(
        app,
        host=sys.argv[1],
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="error",
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )

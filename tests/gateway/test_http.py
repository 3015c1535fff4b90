"""HTTP through the server that `tajo gateway` runs: what well-behaved senders may do, and what the others cannot."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.protocol import HEAD_BYTES, Connection
from tajo.kafka.ports import free_port
from tests.gateway.deliveries import STORE, body, signed, trusted
from tests.gateway.own_server import Served, served
from tests.gateway.running import PATH, config
from tests.streams.logs import until

SETTINGS = f"""
stores: [{{name: shop, store_hash: {STORE}, access_token: t, webhook_secret: {trusted()["x-tajo-secret"]}}}]
brevo: {{api_key: k, currency: USD}}
"""


def post(content: bytes, *, path: str = PATH, **headers: str) -> bytes:
    lines = {"host": "x", "content-length": str(len(content))} | trusted() | signed(content)
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + content


@pytest.fixture(params=["lane", "asgi"])
async def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Served]:
    """Without Kafka: what is taken lies in the spool."""
    impatient = config(tmp_path / "spool.sqlite", body_seconds=0.3)
    nowhere = f"127.0.0.1:{free_port()}"
    by_lane = request.param == "lane"
    async with served(impatient, nowhere, by_lane=by_lane, head_seconds=0.3, idle_seconds=5.0, room=20) as it:
        yield it


def test_what_our_protocol_takes_from_uvicorn_is_there() -> None:
    for name in ("on_message_begin", "on_header", "on_headers_complete", "on_body", "on_message_complete"):
        assert getattr(Connection, name) is not getattr(HttpToolsProtocol, name)
    for name in ("connection_lost", "send_400_response", "_start_asgi_task", "shutdown"):
        assert hasattr(HttpToolsProtocol, name)


async def test_deliveries_follow_each_other_on_one_connection(gateway: Served) -> None:
    async with gateway.wire() as wire:
        for number in range(5):
            await wire.send(post(body(event=f"e{number}")))
            assert await wire.answer() == (200, {"content-length": "0"}, b"")
    assert gateway.spooled() == 5


async def test_requests_in_a_pipeline_are_answered_in_order(gateway: Served) -> None:
    live, wrong = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n", post(body(), x_tajo_secret="wrong")
    async with gateway.wire() as wire:
        await wire.send(post(body()) + live + wrong + post(body()) + post(body()) + live)
        assert [(await wire.answer()).status for _ in range(6)] == [200, 200, 401, 200, 200, 200]
    assert gateway.spooled() == 3


async def test_a_delivery_in_chunks_and_in_single_bytes_is_taken(gateway: Served) -> None:
    content = body(event="slow")
    chunked = b"".join(
        b"%x\r\n%b\r\n" % (len(content[at : at + 50]), content[at : at + 50]) for at in range(0, len(content), 50)
    )
    head = post(content, content_length="", transfer_encoding="chunked").removesuffix(content)
    async with gateway.wire() as wire:
        await wire.send(head + chunked + b"0\r\n\r\n")
        assert (await wire.answer()).status == 200
        for byte in post(content):
            await wire.send(bytes([byte]))
        assert (await wire.answer()).status == 200
    assert (gateway.spooled(), gateway.figure("webhook_duplicates_total")) == (2, 1)


async def test_who_expects_100_continue_is_told_to(gateway: Served) -> None:
    content = body()
    request = post(content, expect="100-continue")
    async with gateway.wire() as wire:
        await wire.send(request.removesuffix(content))
        assert (await wire.answer()).status == 100
        await wire.send(content)
        assert (await wire.answer()).status == 200
    assert gateway.spooled() == 1


async def test_probes_are_answered_with_get_and_head(gateway: Served) -> None:
    async with gateway.wire() as wire:
        for path, status in (("/livez", 200), ("/readyz", 200), (PATH, 405), ("/nowhere", 404)):
            await wire.send(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            assert (await wire.answer()).status == status
            await wire.send(f"HEAD {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            assert (await wire.answer(to_head=True)).status == status
    assert gateway.spooled() == 0


async def test_a_length_that_promises_too_much_is_408_and_the_end(gateway: Served) -> None:
    content = body()
    async with gateway.wire() as wire:
        await wire.send(post(content, content_length=str(len(content) + 1)))
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert await wire.closed() == b""
    assert gateway.spooled() == 0
    assert gateway.figure("webhook_deliveries_total", answer="gone") == 1


async def test_a_length_that_promises_too_little_cuts_the_body_and_the_rest_is_no_request(gateway: Served) -> None:
    content = body()
    async with gateway.wire() as wire:
        await wire.send(post(content, content_length="20", webhook_signature=""))
        answers = await wire.closed()
    assert b"HTTP/1.1 400" in answers
    assert gateway.figure("webhook_deliveries_total", answer="accepted") == 0


@pytest.mark.parametrize(
    "smuggled",
    [
        {"transfer_encoding": "chunked"},  # beside a Content-Length
        {"content_length": "5, 6"},
        {"content_length": "-1"},
        {"content_length": "0x10"},
        {"content_length": "", "transfer_encoding": "chunked, identity"},
    ],
)
async def test_two_ways_to_read_a_length_are_400(gateway: Served, smuggled: dict[str, str]) -> None:
    async with gateway.wire() as wire:
        await wire.send(post(body(), **smuggled))
        assert (await wire.answer()).status == 400
        assert await wire.closed() == b""
    assert gateway.spooled() == 0


async def test_a_body_that_is_said_to_be_huge_is_413_before_it_comes(gateway: Served) -> None:
    async with gateway.wire() as wire:
        await wire.send(post(b"", content_length=str(10**15)))
        assert (await wire.answer()).status == 413
        assert await wire.closed() == b""


@pytest.mark.parametrize("begun", [b"POST /", f"POST {PATH} HTTP/1.1\r\nx-a: ".encode()])
async def test_a_head_that_never_ends_is_cut_off_while_others_are_served(gateway: Served, begun: bytes) -> None:
    async with gateway.wire() as slow, gateway.wire() as other:
        await slow.send(post(body()) + begun + b"x")
        assert (await slow.answer()).status == 200
        ended = asyncio.create_task(slow.closed())
        while not ended.done():
            await other.send(post(body()))
            assert (await other.answer()).status == 200
            await asyncio.sleep(0.01)
            if not ended.done():
                await slow.send(b"x")
        assert await ended == b""


async def test_a_head_without_end_is_not_kept_in_memory(gateway: Served) -> None:
    async with gateway.wire() as wire:
        await wire.send(b"GET /livez HTTP/1.1\r\n" + b"x-filler: " + b"y" * (HEAD_BYTES + 1))
        assert (await wire.answer()).status == 431
        await wire.closed()


async def test_no_request_at_all_is_no_request(gateway: Served) -> None:
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"POST * HTTP/9.9\r\n\r\n"):
        async with gateway.wire() as wire:
            await wire.send(nonsense + b"\r\n" * 3)
            assert b" 400 " in await wire.closed()


async def test_who_was_idle_for_longest_makes_room(gateway: Served) -> None:
    async with gateway.wire() as oldest, gateway.wire() as busy:
        await oldest.send(post(body()))
        assert (await oldest.answer()).status == 200
        others = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(18)]
        await busy.send(post(body()))
        assert (await busy.answer()).status == 200
        async with gateway.wire() as newest:
            assert await oldest.closed() == b""
            for wire in (newest, busy):
                await wire.send(post(body()))
                assert (await wire.answer()).status == 200
        for _, writer in others:
            writer.close()


async def test_who_says_nothing_is_closed_in_the_end(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    async with (
        served(config(tmp_path / "spool.sqlite"), nowhere, idle_seconds=0.1) as gateway,
        gateway.wire() as silent,
        gateway.wire() as talking,
    ):
        await talking.send(post(body()))
        assert (await talking.answer()).status == 200
        assert (await silent.closed(), await talking.closed()) == (b"", b"")


async def test_10_000_idle_connections_hold_up_nobody(tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / "tajo.yml"
    file.write_text(f"{SETTINGS}gateway: {{port: {port}}}\ndata_dir: {tmp_path}\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "tajo",
        "gateway",
        "-c",
        str(file),
        "--bootstrap-servers",
        f"127.0.0.1:{free_port()}",
    ]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    gateway = Served(None, port)  # type: ignore[arg-type]
    idle: list[socket.socket] = []
    try:

        async def answers() -> bool:
            try:
                async with gateway.wire() as wire:
                    await wire.send(post(body()))
                    return (await wire.answer()).status == 200
            except OSError:
                return False

        await until(answers, "the gateway answers")
        while len(idle) < 10_000:
            idle.append(socket.create_connection(("127.0.0.1", port)))
            if len(idle) % 1_000 == 0:
                assert await answers()
        assert len(os.listdir(f"/proc/{process.pid}/fd")) > 10_000
        idle[0].send(post(body()))
        assert idle[0].recv(15) == b"HTTP/1.1 200 OK"
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        for one in idle:
            one.close()
        if process.returncode is None:
            process.kill()
            await process.wait()

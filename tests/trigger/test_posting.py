"""What the gateway is given: trusted as BigCommerce's own, and answers that are told with their cure."""

import asyncio
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.server import Server
from gateway.config import GatewayConfig, StoreTrust
from gateway.delivery import RawDelivery, parse
from gateway.errors import Verdict
from gateway.trust import Trust
from tajo.errors import TriggerError, exit_code
from tajo.kafka.ports import free_port
from tajo.kafka.properties import server_properties
from tajo.settings import ConnectedStore, Settings, load
from tajo.trigger.bodies import Asked, Made, make
from tajo.trigger.broker import embedded
from tajo.trigger.posting import Door, headers, own_door, post

HASH, SECRET, CLIENT_SECRET = "tj4kq1w9zc", "the-shared-header-of-this-store", "client-secret"


CONFIGURATION = """\
connectors: {{bigcommerce: {{store_hash: {hash}, access_token: a1b2c3d4, webhook_secret: "{secret}"{more}}}}}
brevo: {{api_key: xkeysib-test}}
"""


def configured(folder: Path, text: str = "", *, more: str = "") -> Settings:
    path = folder / "tajo.yml"
    path.write_text(CONFIGURATION.format(hash=HASH, secret=SECRET, more=more) + text, encoding="utf-8")
    return load(path)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """One that is made out to ``name`` and signed by itself, and its key: PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, private


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., ConnectedStore]:
    """Makes one, with a client secret unless told otherwise."""

    def made(client_secret: str | None = CLIENT_SECRET) -> ConnectedStore:
        more = f', client_secret: "{client_secret}"' if client_secret else ""
        return configured(tmp_path, more=more).connected()[0]

    return made


def delivery() -> Made:
    return make(Asked("store/order/created", "7"), HASH, 1_790_000_000_000)


@pytest.mark.parametrize(("client_secret", "verdict"), [(CLIENT_SECRET, "good"), (None, "absent")])
def test_a_delivery_is_trusted_and_signed_if_there_is_a_key(
    store: Callable[..., ConnectedStore], client_secret: str | None, verdict: Verdict
) -> None:
    made = delivery()
    sent = headers(made, store(client_secret), time.time())
    raw = RawDelivery(
        body=made.body,
        path_store=HASH,
        secret=sent["x-tajo-secret"].encode(),
        webhook_id=sent["webhook-id"].encode() if "webhook-id" in sent else None,
        timestamp=sent["webhook-timestamp"].encode() if "webhook-timestamp" in sent else None,
        signature=sent["webhook-signature"].encode() if "webhook-signature" in sent else None,
    )
    config = GatewayConfig((StoreTrust(HASH, (SECRET,), (CLIENT_SECRET,)),), spool=Path("unused"))
    authentic = Trust(config).authenticate(raw)
    verified = parse(authentic)
    assert (verified.store_hash, verified.scope, verified.hash) == (HASH, "store/order/created", made.hash)
    assert authentic.verdict == verdict


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "it was started with another configuration: it knows no store tj4kq1w9zc, or another webhook_secret"),
        (404, "there is no gateway of tajo at this address: name the right one with --url."),
        (503, "neither Kafka nor its spool can take deliveries"),
        (418, "look at its log."),
    ],
)
async def test_any_other_answer_is_told_with_its_cure_and_without_secrets(
    store: Callable[..., ConnectedStore], status: int, sentence: str
) -> None:
    async def answer(request: Request) -> Response:
        return Response(status_code=status)

    app = Starlette(routes=[Route(f"/webhooks/bigcommerce/{HASH}", answer, methods=["POST"])])
    async with Server(app) as url:
        with pytest.raises(TriggerError) as found:
            await post(Door(url), delivery(), store(), time.time())
    assert str(found.value).startswith(f"The gateway at {url} answered {status}: {sentence}")
    assert exit_code(found.value) == 1
    assert not any(secret in str(found.value) for secret in (SECRET, CLIENT_SECRET))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "http://127.0.0.1:{free}",
            "start it with `tajo gateway` or `tajo up`, or name its address with --url.",
        ),
        ("ftp://shop", "could not be given to ftp://shop (UnsupportedProtocol)"),
    ],
)
async def test_where_nobody_answers_it_is_said_what_to_start(
    store: Callable[..., ConnectedStore], url: str, sentence: str
) -> None:
    with pytest.raises(TriggerError) as found:
        await post(Door(url.format(free=free_port())), delivery(), store(), time.time())
    assert sentence in str(found.value)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://[::1]:8080"),
        ("fd00::7", "http://[fd00::7]:8080"),
    ],
)
def test_an_address_to_listen_on_becomes_one_to_speak_to(tmp_path: Path, host: str, url: str) -> None:
    assert own_door(configured(tmp_path, f'gateway: {{host: "{host}", port: 8080}}\n')) == Door(url)


async def test_over_tls_the_gateway_has_to_show_the_configured_certificate(
    store: Callable[..., ConnectedStore], tmp_path: Path
) -> None:
    own, other = certificate(tmp_path, "hooks.example.com"), certificate(tmp_path, "other.example.com")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*own)

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(taken, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        for (chain, key), good in ((own, True), (other, False)):
            text = f"gateway: {{port: {port}, tls_certificate: {chain}, tls_key: {key}}}\n"
            door = own_door(configured(tmp_path, text))
            assert door.url == f"https://127.0.0.1:{port}"
            if good:
                assert (
                    await post(door, delivery(), store(), time.time())
                    == f"200 from {door.url}/webhooks/bigcommerce/{HASH}"
                )
            else:
                with pytest.raises(TriggerError, match="has another certificate than this configuration names"):
                    await post(door, delivery(), store(), time.time())


def test_the_broker_of_tajo_up_is_found_by_its_folder(tmp_path: Path) -> None:
    assert embedded(tmp_path) is None
    (tmp_path / "kafka").mkdir()
    properties = server_properties(log_dir=str(tmp_path), broker_port=29092, controller_port=29093)
    (tmp_path / "kafka" / "server.properties").write_text(properties, encoding="utf-8")
    assert embedded(tmp_path) == "127.0.0.1:29092"

"""The gateway as it is started: TLS, and whose word about a client's address is taken."""

import asyncio
import datetime
import os
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tajo.errors import SettingsError
from tajo.kafka.ports import free_port
from tajo.settings import load
from tests.control.stand import FILED, HEADER, ROOT, configured
from tests.gateway.deliveries import body
from tests.streams import logs


def certificate(folder: Path) -> tuple[Path, Path]:
    """Self-signed, for 127.0.0.1; the files of the certificate and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tajo")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, secret


@asynccontextmanager
async def started(folder: Path, gateway: str) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    """`tajo gateway` without a broker, for which it does not wait; its port and the process."""
    port = free_port()
    nowhere = f"127.0.0.1:{free_port()}"
    file = configured(folder, nowhere, "t-", "http://127.0.0.1:1", f"gateway: {{port: {port}, {gateway}}}\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tajo", "gateway", "-c", str(file)),
        cwd=ROOT,
        env=os.environ,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield port, process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.communicate(), 40)


async def until_it_lives(http: httpx.AsyncClient) -> None:
    async def lives() -> bool:
        try:
            return (await http.get("/livez")).is_success
        except httpx.ConnectError:
            return False

    await logs.until(lives, "the gateway listens")


async def test_it_speaks_https_with_a_certificate_of_ones_own(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    async with started(tmp_path, f"tls_certificate: {chain}, tls_key: {key}") as (port, process):
        trusting = ssl.create_default_context(cafile=str(chain))
        async with httpx.AsyncClient(base_url=f"https://127.0.0.1:{port}", verify=trusting) as http:
            await until_it_lives(http)
            answer = await http.get("/v1/connectors")
            assert (answer.status_code, answer.headers["strict-transport-security"]) == (401, "max-age=31536000")
            delivery = await http.post(
                f"/webhooks/bigcommerce/{FILED}", content=body(store=FILED), headers={"x-tajo-secret": HEADER}
            )
            assert (delivery.status_code, delivery.content) == (200, b"")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as plain:
            with pytest.raises(httpx.HTTPError):
                await plain.get("/livez")
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 40) == 0


async def test_a_client_s_address_is_what_a_known_proxy_says_and_nobody_else(tmp_path: Path) -> None:
    """By the limit of failures: each address of the proxy's clients has its own; without a known proxy all are one."""
    for setting, expected in (("forwarded_allow_ips: 127.0.0.0/8", 401), ("control: token", 429)):
        async with started(tmp_path, setting) as (port, _), httpx.AsyncClient() as http:
            http.base_url = httpx.URL(f"http://127.0.0.1:{port}")
            await until_it_lives(http)
            for number in range(12):
                answer = await http.get("/v1/connectors", headers={"X-Forwarded-For": f"192.0.2.{number}"})
            assert answer.status_code == expected, setting


async def test_a_certificate_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    key.write_text("no key", encoding="utf-8")
    async with started(tmp_path, f"tls_certificate: {chain}, tls_key: {key}") as (_, process):
        _, told = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 1
    assert b"cannot be used with the key" in told
    assert b"Traceback" not in told


@pytest.mark.parametrize(
    ("gateway", "said"),
    [
        ("tls_key: {key}", r"gateway.tls_certificate: it is missing; gateway.tls_key is of no use without it"),
        ("tls_certificate: {chain}", r"gateway.tls_key: it is missing"),
        ("tls_certificate: nowhere.pem, tls_key: {key}", r'found "nowhere.pem"; there is no such file'),
        ('forwarded_allow_ips: "*"', r"not \*, with which everybody could claim any address"),
        ("forwarded_allow_ips: proxy.example.com", r"it has to be addresses or networks"),
        ("control: open", r"it has to be 'token' or 'loopback'"),
    ],
)
def test_settings_that_do_not_fit_are_told(tmp_path: Path, gateway: str, said: str) -> None:
    chain, key = certificate(tmp_path)
    more = f"gateway: {{{gateway.replace('{chain}', str(chain)).replace('{key}', str(key))}}}\n"
    with pytest.raises(SettingsError, match=said):
        load(configured(tmp_path, "localhost:1", "t-", "http://localhost:1", more), {})


@pytest.mark.parametrize("key", ["short", "A" * 44, f"{'A' * 43}=,short"])
def test_an_encryption_key_of_another_form_is_told_and_not_shown(tmp_path: Path, key: str) -> None:
    file = configured(tmp_path, "localhost:1", "t-", "http://localhost:1")
    with pytest.raises(SettingsError, match="as `tajo connections key` makes it") as told:
        load(file, {"TAJO_ENCRYPTION_KEY": key})
    assert key not in str(told.value)

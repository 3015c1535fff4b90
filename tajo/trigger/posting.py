"""The way to the gateway: a delivery as BigCommerce sends it, with the shared header and the signature."""

import hashlib
import hmac
import ssl
from base64 import b64encode
from typing import Final, NamedTuple

import httpx

from connectors.bigcommerce.hooks import path_of
from gateway.config import SECRET_HEADER
from tajo.errors import Problem, SettingsError, TriggerError
from tajo.settings import ConnectedStore, Settings
from tajo.trigger.bodies import Made

_SECONDS: Final = 15.0  # BigCommerce gives up after about ten
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # an address to listen on -> one to speak to


class Door(NamedTuple):
    """Where the gateway is. ``verify``: how its certificate is checked; True as everywhere, by name and authority."""

    url: str
    verify: ssl.SSLContext | bool = True


def own_door(settings: Settings) -> Door:
    """Where the gateway of this configuration is reached from its own machine. Raises SettingsError.

    Over TLS it has to show the configured certificate, which is hardly made out to the address it listens on.
    """
    host, port, certificate = settings.gateway.host, settings.gateway.port, settings.gateway.tls_certificate
    host = _ANY.get(host, host)
    host = f"[{host}]" if ":" in host else host
    if certificate is None:
        return Door(f"http://{host}:{port}")
    try:
        context = ssl.create_default_context(cafile=certificate)
    except OSError as error:
        sentence = f"the certificate {certificate} cannot be read ({error}): correct it, or name the gateway by --url."
        raise SettingsError([Problem("configuration", "gateway.tls_certificate", sentence)]) from error
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return Door(f"https://{host}:{port}", context)


def headers(made: Made, store: ConnectedStore, now: float) -> dict[str, str]:
    """``now``: Unix seconds. Signed as Standard Webhooks describe it (gateway.trust) if there is a client secret."""
    sent = {"content-type": "application/json", SECRET_HEADER: store.webhook_secret.get_secret_value()}
    if store.client_secret is not None:
        stamp = str(int(now))
        content = b".".join((made.hash.encode(), stamp.encode(), made.body))
        signature = hmac.digest(store.client_secret.get_secret_value().encode(), content, hashlib.sha256)
        sent |= {
            "webhook-id": made.hash,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{b64encode(signature).decode()}",
        }
    return sent


async def post(door: Door, made: Made, store: ConnectedStore, now: float) -> str:
    """Returns the answer in words. Raises TriggerError for any but 2xx."""
    base = door.url.rstrip("/")
    url = base + path_of(store.store_hash)
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False, verify=door.verify) as client:
            answer = await client.post(url, content=made.body, headers=headers(made, store, now))
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        if _of_tls(error):
            raise TriggerError(
                f"What answers at {base} has another certificate than this configuration names, or none that is "
                f"trusted: name the gateway by --url as others reach it."
            ) from error
        raise TriggerError(
            f"No gateway answers at {base}: start it with `tajo gateway` or `tajo up`, or name its address with --url."
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TriggerError(
            f"The delivery could not be given to {base} ({type(error).__name__}): look whether a gateway is what "
            f"listens there, and at its log."
        ) from error
    if not answer.is_success:
        raise TriggerError(f"The gateway at {base} answered {answer.status_code}: {_reason(answer.status_code, store)}")
    return f"{answer.status_code} from {url}"


def _of_tls(error: BaseException | None) -> bool:
    """Whether it goes back to one: httpx tells of it as of a refused connection."""
    return error is not None and (isinstance(error, ssl.SSLError) or _of_tls(error.__cause__ or error.__context__))


def _reason(status: int, store: ConnectedStore) -> str:
    match status:
        case 401:
            return (
                f"it was started with another configuration: it knows no store {store.store_hash}, or another "
                f"webhook_secret or client_secret of it. Start it again with this file, or name the file it runs with."
            )
        case 404 | 405:
            return "there is no gateway of tajo at this address: name the right one with --url."
        case 503:
            return "neither Kafka nor its spool can take deliveries: look whether the broker runs and the disk is full."
        case _:
            return "look at its log."

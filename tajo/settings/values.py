"""Types of single values: what is accepted, and the sentence when something else is found.

A sentence follows `found …; ` and ends without a full stop.
"""

import re
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

_ATTRIBUTE: Final = re.compile(r"[A-Z0-9_]{1,50}")  # facts about Brevo: capitals, within 50 characters
_EVENT: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")  # Brevo's event_name
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_PREFIX: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,30}")
_SERVER: Final = re.compile(r"[^\s,:/]+:[0-9]{1,5}(,[^\s,:/]+:[0-9]{1,5})*")
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_ENCRYPTION_KEY: Final = re.compile(r"[0-9A-Za-z_-]{43}=")  # Fernet: 32 bytes, base64url

_TOKEN: Final = re.compile(r"[0-9A-Za-z_-]{24,128}")  # the last part of a path, not to be guessed

_WORDS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    raise ValueError("it has to be true or false")


def _text(value: object) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        raise ValueError("it has to be text: put it in quotes, so that no zero is lost")
    raise ValueError("it has to be text that is not empty")


def _token(value: object) -> str:
    token = _text(value)
    if not _TOKEN.fullmatch(token):
        raise ValueError("a token has letters, digits, _ and - only, and 24 to 128 of them")
    return token


def _amount(value: object) -> Decimal:
    """Money or a rate; from the text of the file, never by way of a float."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and value >= 0:
        return Decimal(value)
    raise ValueError("it has to be a number that is not negative, as 25 or 19.90")


def _money(value: object) -> Decimal:
    amount = _amount(value)
    if amount != round(amount, 4):
        raise ValueError("money has at most four decimals")
    return amount


def _rate(value: object) -> Decimal:
    rate = _amount(value)
    if rate == 0:
        raise ValueError("a rate has to be greater than 0")
    return rate


def _whole(value: object, least: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    raise ValueError(f"it has to be a whole number of at least {least}")


def _list_target(value: object) -> int | str:
    if isinstance(value, str) and value.strip().isdigit():
        raise ValueError("it is a number in quotes: write it without them for the list's id, or give a name")
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise ValueError("it has to be the id of a list at Brevo, a whole number above 0, or the name of one to create")


def _matching(pattern: re.Pattern[str], sentence: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(sentence)
        return value

    return AfterValidator(check)


def _mapping_target(value: str) -> str:
    """`email` says that a path is the identity; everything else is the name of an attribute."""
    if value.lower() == "email":
        return "email"
    if not _ATTRIBUTE.fullmatch(value):
        proposal = re.sub(r"[^A-Z0-9]+", "_", value.upper()).strip("_")[:50]
        cure = f": write {proposal}" if proposal else ""
        raise ValueError(f"a Brevo attribute has capital letters, digits and _ only, at most 50 of them{cure}")
    return value


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    local = parts.scheme == "http" and parts.hostname in _LOCAL
    if not parts.hostname or parts.query or parts.fragment or not (local or parts.scheme == "https"):
        raise ValueError("it has to be an https address without query, as https://hooks.example.com")
    if not local and parts.port not in (None, 443):
        raise ValueError("BigCommerce delivers webhooks to port 443 only: leave the port out")
    return value.rstrip("/")


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("it has to be an http or https address without query")
    return value.rstrip("/")


def _bootstrap(value: str) -> str:
    if not _SERVER.fullmatch(value):
        raise ValueError("it has to be host:port, several separated by commas without spaces")
    return value


def _encryption_keys(value: object) -> str:
    keys = [key.strip() for key in _text(value).split(",")]
    if not all(_ENCRYPTION_KEY.fullmatch(key) for key in keys):
        raise ValueError("it has to be a key as `tajo connections key` makes it, or several separated by commas")
    return ",".join(keys)


def _proxies(value: object) -> str:
    addresses = [part.strip() for part in _text(value).split(",")]
    for address in addresses:
        try:
            ip_network(address)
        except ValueError:
            raise ValueError(
                "it has to be addresses or networks of proxies, separated by commas, as 10.0.0.7, 10.1.0.0/16; "
                "not *, with which everybody could claim any address"
            ) from None
    return ",".join(addresses)


Switch = Annotated[bool, BeforeValidator(_switch)]
Text = Annotated[str, BeforeValidator(_text)]
Secret = Annotated[SecretStr, BeforeValidator(_text)]
Token = Annotated[SecretStr, BeforeValidator(_token)]
Folder = Annotated[Path, BeforeValidator(lambda value: Path(_text(value)))]
Money = Annotated[Decimal, BeforeValidator(_money)]
Rate = Annotated[Decimal, BeforeValidator(_rate)]
Count = Annotated[int, BeforeValidator(lambda value: _whole(value, 1))]
Natural = Annotated[int, BeforeValidator(lambda value: _whole(value, 0))]
ListTarget = Annotated[int | str, BeforeValidator(_list_target)]
Name = Annotated[
    Text, _matching(_NAME, "a name has letters, digits, _ . and - only, at most 64; it leads ids, so no / and no :")
]
Currency = Annotated[Text, _matching(_CURRENCY, "a currency is three capital letters, as EUR")]
MappingTarget = Annotated[Text, AfterValidator(_mapping_target)]
EventName = Annotated[Text, _matching(_EVENT, "an event's name has letters, digits, _ and - only, at most 255")]
Prefix = Annotated[Text, _matching(_PREFIX, "a prefix has lower-case letters, digits, . and - only, at most 31")]
PublicUrl = Annotated[Text, AfterValidator(_public_url)]
BaseUrl = Annotated[Text, AfterValidator(_base_url)]
BootstrapServers = Annotated[Text, AfterValidator(_bootstrap)]
EncryptionKeys = Annotated[SecretStr, BeforeValidator(_encryption_keys)]
Proxies = Annotated[str, BeforeValidator(_proxies)]

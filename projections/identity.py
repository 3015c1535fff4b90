"""Who is who: the keys of customers and contacts, and when an e-mail is one.

A customer is a person at one store (`store/123`, `store/guest:a@b.c`); a contact is a person at one Brevo account
(`account/a@b.c`), in whom all customers and subscribers with that e-mail meet.
"""

import re
from functools import lru_cache
from typing import Final
from unicodedata import normalize

GUEST: Final = "guest:"

# What both sides accept and deliver to: one @, no blanks, a domain with a dot. Finer rules are the mail servers' own.
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s/\x00-\x1f.]+(\.[^@\s/\x00-\x1f.]+)+")
_LONGEST: Final = 254  # RFC 5321, 4.5.3.1.3


@lru_cache(1 << 13)  # who shops is told of several times within minutes
def normalise(email: str) -> str:
    """The form under which e-mails are compared: NFC, trimmed, lower case. '' for what is no e-mail."""
    # Lower case may leave NFC (U+0130 becomes two characters), so it comes first.
    text = normalize("NFC", email.strip().lower())
    return text if len(text) <= _LONGEST and _EMAIL.fullmatch(text) else ""


def customer_key(store: str, customer_id: int) -> str:
    """`store/123`; ``store`` is the store hash."""
    return f"{store}/{customer_id}"


def guest_key(store: str, email: str) -> str:
    """`store/guest:a@b.c`; ``email`` is normalised and not empty."""
    return f"{store}/{GUEST}{email}"


def contact_key(account: str, email: str) -> bytes:
    """`account/a@b.c`, the key of the inner topic `contacts`; ``email`` is normalised and not empty."""
    return f"{account}/{email}".encode()


def split(key: bytes) -> tuple[str, str]:
    """`store/rest` -> (store, rest), also for contacts: (account, e-mail)."""
    leading, _, rest = key.decode().partition("/")
    return leading, rest


def catalogue_id(store_name: str, product_id: int | str) -> str:
    """A product's or category's id at Brevo: several stores may share one account's catalogue."""
    return f"{store_name}:{product_id}"


def catalogue_variant_id(store_name: str, product_id: int | str, variant_id: int | str) -> str:
    """A variant's id at Brevo, where products and variants share one set of ids."""
    return f"{store_name}:{product_id}-{variant_id}"

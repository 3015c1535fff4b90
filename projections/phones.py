"""Phone numbers as people type them, to the one form that Brevo takes (E.164)."""

from functools import lru_cache

import phonenumbers


@lru_cache(1 << 14)  # a person's number stands in each of its orders
def e164(text: str, country: str) -> str | None:
    """'(0170) 123 45 67' of DE -> '+491701234567'; None for what is no valid number.

    ``country``: ISO 3166 alpha-2, where a number without a leading + is read; '' if unknown.
    """
    try:
        number = phonenumbers.parse(text, country.upper() or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

"""Exact money: integers of 1/10,000 of a currency unit, the finest that BigCommerce tells ('69.8400')."""

import re
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import lru_cache

SCALE = 10_000
_WRITTEN = re.compile(r"([0-9]{1,15})\.([0-9]{4})")  # as orders write amounts; all other forms go through Decimal

# ISO 4217: currencies whose minor unit is not 1/100.
_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND"), 0),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


@lru_cache(1 << 12, typed=True)  # the same few prices stand in many records
def parse(text: str | int | float) -> int:
    """'69.8400' -> 698400. Raises ValueError for what is no amount, or finer than 1/10,000."""
    if type(text) is str and (written := _WRITTEN.fullmatch(text)):
        return int(written[1] + written[2])
    try:
        with localcontext() as context:
            context.prec = 40
            scaled = Decimal(str(text)) * SCALE
            if not scaled.is_finite() or scaled != (whole := int(scaled)):
                raise ValueError(f"An amount has at most four decimals; {text!r} does not.")
    except ArithmeticError as error:
        raise ValueError(f"{text!r} is not an amount of money.") from error
    return whole


def decimal(amount: int) -> Decimal:
    """698400 -> Decimal('69.84'), exact."""
    return Decimal(amount) / SCALE


@lru_cache(1 << 12)
def text(amount: int) -> str:
    """698400 -> '69.84', exact."""
    return str(decimal(amount))


def number(amount: int) -> float | int:
    """For JSON at the very edge: Brevo takes numbers only. Exact for every amount of less than 15 digits."""
    whole, rest = divmod(amount, SCALE)
    return whole if not rest else amount / SCALE  # a quotient of integers is rounded correctly


def round_to_minor(value: Decimal, currency: str) -> int:
    """Rounds half-even to the currency's minor unit (ISO 4217)."""
    with localcontext() as context:
        context.prec = 60
        minor = value.quantize(Decimal(1).scaleb(-_DIGITS.get(currency, 2)), ROUND_HALF_EVEN)
        return int(minor * SCALE)


def convert(amount: int, *, divide_by: str = "1", multiply_by: str = "1", currency: str) -> int:
    """The amount in another currency, rounded once, half-even, to ``currency``'s minor unit."""
    if divide_by == multiply_by == "1" and amount % (SCALE // 10 ** _DIGITS.get(currency, 2)) == 0:
        return amount
    with localcontext() as context:
        context.prec = 60
        return round_to_minor(decimal(amount) / Decimal(divide_by) * Decimal(multiply_by), currency)

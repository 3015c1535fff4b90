"""A stand-in for BigCommerce that behaves as its descriptions and what was measured of it say."""

from emulators.bigcommerce.emulator import BigCommerce
from emulators.bigcommerce.store import Store

__all__ = ["BigCommerce", "Store"]

"""Shoppers whose every act is known, so that what a connector makes of it can be judged."""

from emulators.shoppers.day import play_day

__all__ = ["play_day"]

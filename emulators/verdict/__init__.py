"""The judge of a run. It shares nothing with the connector: a plain loop over the purchases and the played traffic."""

from emulators.verdict.purchases import Customer, Purchase, Subscriber, read_purchases
from emulators.verdict.rules import Rules
from emulators.verdict.seen import BrevoState
from emulators.verdict.verdict import Verdict, judge

__all__ = ["BrevoState", "Customer", "Purchase", "Rules", "Subscriber", "Verdict", "judge", "read_purchases"]

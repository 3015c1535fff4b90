"""A stand-in for Brevo that behaves as its documentation says, limits and silences included."""

from emulators.brevo.brevo import Brevo
from emulators.brevo.faults import Faults, Hang
from emulators.brevo.state import State

__all__ = ["Brevo", "Faults", "Hang", "State"]

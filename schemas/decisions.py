"""What was decided about dead letters. Topic tajo.dead-letter-decision.v1, key: the letter's id, JSON."""

from typing import Literal

import msgspec


class DeadLetterDecision(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The newest one of a letter counts.

    ``letter``: `<source topic>:<partition>:<offset>` in the dead-letter topic, as people name it; ``letter_at``: its
    time there (Unix ms), since a topic that was made anew has other letters under the same ids. ``by``: who was logged
    in where it was decided. ``done``: what a retry has set going, in words.
    """

    letter: str
    letter_at: int
    decision: Literal["retried", "dropped"]
    at: int  # Unix ms
    by: str
    reason: str = ""
    done: str = ""

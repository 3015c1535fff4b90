"""What goes wrong in the played day: both APIs refuse requests (429), and Brevo takes only a part of a batch (207)."""

from emulators.shoppers.day import RUSH_BEGINS
from tajo.demo.stage import Stage

HOUR = 3_600_000
LASTS = 1 / 6  # of the day
EVENTS = "events"  # Brevo's family of endpoints
PAUSE_S = 3_600  # the longest one that a client has to believe (connectors.brevo.limits)
ALL = 1_000_000


async def make_trouble(stage: Stage, start: int, hours: float) -> None:
    """BigCommerce refuses one request at the beginning of the day; Brevo refuses events for a time when it is busy.

    Brevo asks for an hour's pause each time. So many events wait in the end that they go in batches, the first of which
    fails for its first event. ``start``: of the day, Unix ms.
    """
    stage.bigcommerce.faults.limit()
    begins, lasts = start + int(hours * HOUR * RUSH_BEGINS), int(hours * HOUR * LASTS)
    await stage.clock.sleep_until(begins)
    stage.brevo.faults.partial(0)
    refusal = stage.brevo.faults.answer(EVENTS, 429, times=ALL, reset=PAUSE_S)
    await stage.clock.sleep_until(begins + lasts)
    stage.brevo.faults.withdraw(refusal)


def met(stage: Stage) -> str:
    """A line for the user: how often which refusal was really met."""
    requests = stage.brevo.state.requests_of
    refused = stage.bigcommerce.faults.met + stage.bigcommerce.quota.refused
    return (
        f"troubles: Brevo answered 429 {_times(requests(status=429))} and 207 {_times(requests(status=207))}, "
        f"BigCommerce answered 429 {_times(refused)}"
    )


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count:,} times")

"""`tajo hooks` beside an emulated store and account: as a program, and its parts."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from connectors.bigcommerce.hooks import wanted_scopes
from emulators.bigcommerce.hooks import Hook
from schemas.errors import TajoError
from streams.access import Kafka
from streams.enrich.heard import HookMemory, Rhythm, Told
from streams.partitioner import partition_of
from tajo.components import Components
from tajo.errors import exit_code
from tajo.hooks import doing
from tajo.hooks.memory import memories
from tajo.settings import load
from tests.commands import finished
from tests.e2e.stand import HASH, Stand, stand

SCOPES = len(wanted_scopes(("customers", "orders", "products", "carts")))
OTHERS = "https://elsewhere.example.com/hook"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Stand]:
    async with stand(tmp_path) as here:
        here.documented()
        yield here


async def program(here: Stand, *arguments: str, answer: str = "", **environment: str) -> tuple[int | None, list[str]]:
    """Exit status, and the lines of both outputs without notes. ``answer``: what is typed."""
    line = ("hooks", *arguments, "-c", str(here.folder / "tajo.yml"))
    beside = {**here.environment, "COLUMNS": "80", **environment}
    status, out, _ = await finished(*line, environment=beside, typed=answer, together=True)
    assert "Traceback" not in out, out
    assert not any(secret in out for secret in secrets(here)), out
    return status, [line for line in out.splitlines() if not line.startswith("note: ")]


def secrets(here: Stand) -> list[str]:
    (store,) = load(here.folder / "tajo.yml", here.environment).connected()
    (account,) = load(here.folder / "tajo.yml", here.environment).accounts()
    return [store.webhook_secret.get_secret_value(), account.webhook_token.get_secret_value(), "sesame"]


def ours(here: Stand) -> list[Hook]:
    return [hook for hook in here.bigcommerce.hooks.all() if hook.destination != OTHERS]


def of(here: Stand, scope: str) -> Hook:
    (found,) = [hook for hook in ours(here) if hook.scope == scope]
    return found


@pytest.fixture
def done(here: Stand, capsys: pytest.CaptureFixture[str]) -> "Done":
    return Done(here, capsys)


class Done:
    """A command's work, with its exit status and lines."""

    def __init__(self, here: Stand, capsys: pytest.CaptureFixture[str]) -> None:
        self._here, self._capsys = here, capsys

    async def __call__(
        self, work: doing.Work, known: dict[str, HookMemory] | None = None, **environment: str
    ) -> tuple[int, list[str]]:
        settings = load(self._here.folder / "tajo.yml", {**self._here.environment, **environment})
        self._capsys.readouterr()
        status = await doing.with_all(settings, work, known)
        out, err = self._capsys.readouterr()
        assert not any(secret in out + err for secret in secrets(self._here)), out + err
        return status, [*out.splitlines(), *err.splitlines()]


APPLY: doing.Work = partial(doing.apply, agreed=lambda: True)
REMOVE: doing.Work = partial(doing.remove, agreed=lambda: True)


async def test_as_a_program_they_are_shown_first_and_made_when_it_is_agreed(here: Stand) -> None:
    (dry, lines), (unasked, _) = await asyncio.gather(
        program(here, "apply", "--dry-run"),
        program(here, "apply", answer="n\n"),  # and nobody answers for the account
    )
    at = f"{here.environment['TAJO_PUBLIC_URL']}/webhooks/bigcommerce/{HASH}"
    assert (dry, unasked) == (0, 1)
    assert lines[0] == f"Store {HASH}:"
    assert f"  + store/order/created -> {at}" in lines
    assert f"  + store/hook/deliveryException -> {at}/exceptions" in lines
    assert any(line.startswith("  + transactional -> ") and line.endswith("/webhooks/brevo/***") for line in lines)
    assert (here.bigcommerce.hooks.all(), here.brevo.state.webhooks) == ([], {})
    status, lines = await program(here, "apply", answer="y\ny\n")
    assert (status, lines[-1]) == (0, "  Do this? [y/N]:   done")
    assert (len(here.bigcommerce.hooks.all()), len(here.brevo.state.webhooks)) == (SCOPES, 2)


async def test_those_of_others_are_shown_without_what_may_be_secret_and_stay(here: Stand, done: Done) -> None:
    others = here.bigcommerce.hooks.create(
        {"scope": "store/order/created", "destination": OTHERS + "?token=sesame", "headers": {"x": "sesame"}}
    )
    assert (await done(APPLY))[0] == 0
    again = [f"Store {HASH}:", "  nothing to do", "Brevo account main:", "  nothing to do"]
    assert await done(APPLY) == (0, again)
    status, lines = await done(doing.show)
    at = f"{here.environment['TAJO_PUBLIC_URL']}/webhooks/bigcommerce/{HASH}"
    assert status == 0
    assert f"  ours    active       store/order/created                 {at}" in lines
    assert f"  others  active       store/order/created                 {OTHERS}" in lines
    assert sum(line.startswith("  ours") for line in lines) == SCOPES + 2
    status, lines = await done(REMOVE)
    assert (status, len([line for line in lines if line.startswith("  - ")])) == (0, SCOPES + 2)
    assert (here.bigcommerce.hooks.all(), here.brevo.state.webhooks) == ([others], {})
    assert (await done(doing.show))[1][2:] == ["Brevo account main:", "  no webhooks"]


async def test_what_is_wrong_is_told_and_repaired_and_nothing_else(here: Stand, done: Done) -> None:
    assert (await done(APPLY))[0] == 0
    assert (await done(doing.check))[0] == 0
    hooks = here.bigcommerce.hooks
    hooks.deactivate(of(here, "store/order/created"))
    hooks.delete(of(here, "store/cart/created"))
    of(here, "store/order/updated").headers = {"x-tajo-secret": "older"}
    of(here, "store/sku/created").destination = f"https://old.example.com/webhooks/bigcommerce/{HASH}"
    destination = of(here, "store/order/created").destination
    unwanted = hooks.create({"scope": "store/shipment/created", "destination": destination})
    told = [
        "  store/cart/created: there is no webhook for it.",
        "  store/order/created: its webhook is inactive: BigCommerce switched it off.",
        "  store/order/updated: its webhook carries another secret header than configured.",
        f"  store/sku/created: its webhook leads to https://old.example.com/webhooks/bigcommerce/{HASH}.",
    ]
    status, lines = await done(doing.check)
    assert (status, lines[0], sorted(lines[1:5]), lines[5:]) == (
        1,
        f"Store {HASH}:",
        told,
        ["Brevo account main:", "  All is well."],
    )
    status, lines = await done(doing.repair)
    assert (status, [line[:3] for line in lines]) == (0, ["Sto", "  +", "  ~", "  ~", "  ~", "  d", "Bre", "  n"])
    assert (await done(doing.check))[0] == 0
    assert hooks.get(unwanted.id) is not None


async def test_brevos_hooks_are_checked_and_repaired_too(here: Stand, done: Done) -> None:
    assert (await done(APPLY))[0] == 0
    missing, inactive = list(here.brevo.state.webhooks)
    kinds = {number: here.brevo.state.webhooks[number]["type"] for number in (missing, inactive)}
    del here.brevo.state.webhooks[missing]
    here.brevo.state.webhooks[inactive]["isActive"] = False
    status, lines = await done(doing.check)
    assert status == 1
    assert f"  {kinds[inactive]}: its webhook is inactive." in lines
    assert any(line.startswith(f"  {kinds[missing]}: there is no webhook to ") for line in lines)
    assert (await done(doing.repair))[0] == 0
    assert (await done(doing.check))[0] == 0


async def test_a_dry_run_leaves_brevo_alone(here: Stand, done: Done) -> None:
    status, lines = await done(APPLY, TAJO_SINK__MODE="dry-run")
    assert (status, lines[-1]) == (0, "Brevo account main: left alone, since sink.mode is dry-run")
    assert (len(here.bigcommerce.hooks.all()), here.brevo.state.webhooks) == (SCOPES, {})


async def test_a_full_scope_and_a_blocked_domain_are_told_and_end_with_1(here: Stand, done: Done) -> None:
    assert (await done(APPLY))[0] == 0
    hooks = here.bigcommerce.hooks
    hooks.delete(of(here, "store/order/created"))
    for number in range(10):
        hooks.create({"scope": "store/order/created", "destination": f"https://elsewhere.example.com/{number}"})
    for _ in range(100):
        here.bigcommerce.deliveries.blocklist.attempted(ours(here)[0].destination, "No response received")
    status, (_, full, blocked, *_rest) = await done(doing.check)
    assert status == 1
    assert full.startswith("  store/order/created: this API account has 10 webhooks for it that are not ours, and ")
    public = here.environment["TAJO_PUBLIC_URL"]
    assert blocked.startswith(f"  {public}: BigCommerce sends nothing there for another ")
    assert "No response received (100 times)" in blocked
    for work in (doing.repair, APPLY):
        status, lines = await done(work)
        assert (status, lines[1]) == (1, full)


async def test_one_that_does_not_answer_is_told_and_the_others_are_asked(here: Stand, done: Done) -> None:
    status, lines = await done(doing.show, TAJO_CONNECTORS__BIGCOMMERCE__ACCESS_TOKEN="wrong")
    assert status == 1
    assert "Brevo account main:" in lines
    assert any("BigCommerce does not accept the access token" in line for line in lines)


@pytest.mark.parametrize("work", [doing.check, doing.repair, APPLY])
async def test_without_an_address_there_is_nothing_to_lead_them_to(here: Stand, done: Done, work: doing.Work) -> None:
    del here.environment["TAJO_PUBLIC_URL"]
    with pytest.raises(TajoError, match=r"configuration: public_url: it is missing.*the https address") as found:
        await done(work)
    assert exit_code(found.value) == 2
    assert (await done(doing.show))[0] == 0


@pytest.mark.kafka
async def test_what_the_watch_knows_is_shown_too(here: Stand, done: Done, kafka: str, topic_prefix: str) -> None:
    assert (await done(APPLY))[0] == 0
    here.environment |= {"TAJO_KAFKA__PREFIX": topic_prefix, "TAJO_KAFKA__REPLICATION": "1"}
    made = Components(load(here.folder / "tajo.yml", here.environment), Kafka(kafka))
    assert await memories(made, [HASH]) == {}  # no topics, no memory
    await made.apply_topics()
    now, day = made.clock.now(), 86_400_000
    hook, lively = of(here, "store/order/created"), Rhythm(now - 30 * day, now - 60_000, 5_000)
    told = Told("64d3", now - 3_600_000, hook.id, 90_001, "Non-200 response received (503), will retry")
    quiet = Rhythm(lively.first, now - 7 * 3_600_000, 900, {now // day: 3_600_000})
    memory = HookMemory({"store/order/created": quiet, "store/cart/created": lively}, [told])
    changelog = made.names.changelog("enrich", versioned=False)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for key, value in ((f"{HASH}/info", b"other"), (f"{HASH}/hooks", msgspec.msgpack.encode(memory))):
            partition = partition_of(HASH.encode(), made.settings.partitions())
            await producer.send_and_wait(changelog, value, key=key.encode(), partition=partition)
    known = await memories(made, [HASH])
    assert known == {HASH: memory}
    status, lines = await done(doing.check, known)
    assert status == 1
    assert lines[1].startswith("  store/order/created: BigCommerce could not deliver at ")
    assert lines[1].endswith("(90001, it will try again): Non-200 response received (503), will retry")
    assert lines[2] == (
        "  store/order/created: no delivery for 7.0 h, while others came; its longest pause of late was 1.0 h."
    )
    assert await program(here, "check", "--bootstrap-servers", kafka) == (1, lines)

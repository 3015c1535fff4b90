"""Secrets and signatures."""

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import GatewayConfig, StoreTrust
from gateway.delivery import Authentic, RawDelivery, VerifiedDelivery, parse
from gateway.errors import GatewayError, Untrusted, Verdict
from gateway.trust import Trust, keyed, signature_verdict
from tests.gateway.deliveries import (
    CAPTURED,
    CAPTURED_ID,
    CAPTURED_SIGNATURE,
    CAPTURED_TIME,
    CLIENT_SECRET,
    SECRET,
    STORE,
    body,
    signed,
)

KEY = CLIENT_SECRET.encode()


def captured(**changes: Any) -> RawDelivery:
    fields = {
        "body": CAPTURED,
        "path_store": STORE,
        "secret": SECRET.encode(),
        "webhook_id": CAPTURED_ID.encode(),
        "timestamp": str(CAPTURED_TIME).encode(),
        "signature": CAPTURED_SIGNATURE.encode(),
    }
    return RawDelivery(**fields | changes)


def verdict(raw: RawDelivery, *keys: bytes, now: float = CAPTURED_TIME + 3) -> Verdict:
    return signature_verdict(raw, [keyed(key) for key in keys or (KEY,)], now=now, tolerance=300)


def raw(content: bytes, headers: dict[str, str], *, secret: str = SECRET, store: str | None = STORE) -> RawDelivery:
    values = {name.removeprefix("webhook-"): value.encode() for name, value in headers.items()}
    return RawDelivery(
        body=content,
        path_store=store,
        secret=secret.encode(),
        webhook_id=values.get("id"),
        timestamp=values.get("timestamp"),
        signature=values.get("signature"),
    )


def authenticate(one: RawDelivery, *stores: StoreTrust, now: float | None = None) -> Authentic:
    config = GatewayConfig(stores=stores or (StoreTrust(STORE, (SECRET,), (CLIENT_SECRET,)),), spool=Path("unused"))
    trust = Trust(config, now=time.time if now is None else lambda: now)
    return trust.authenticate(one)


def test_the_published_test_vector_is_good() -> None:
    assert len(CAPTURED) == 197
    assert verdict(captured()) == "good"


@pytest.mark.parametrize(
    "changes",
    [
        {"body": CAPTURED.replace(b"180", b"181")},
        {"body": CAPTURED + b"\n"},
        {"webhook_id": b"another"},
        {"webhook_id": None},
        {"timestamp": str(CAPTURED_TIME + 1).encode()},
        {"timestamp": None},
        {"timestamp": b"soon"},
        {"timestamp": b"-1"},
        {"timestamp": b"1" * 400},
        {"signature": b""},
        {"signature": b"v1"},
        {"signature": b"v1,"},
        {"signature": b"v1,\xff\xfe not base64"},
        {"signature": CAPTURED_SIGNATURE.replace("v1,", "v1a,").encode()},
        {"signature": CAPTURED_SIGNATURE.removeprefix("v1,").encode()},
        {"signature": CAPTURED_SIGNATURE.lower().encode()},
    ],
)
def test_anything_else_is_bad(changes: dict[str, Any]) -> None:
    assert verdict(captured(**changes)) == "bad"


def test_the_key_is_the_characters_of_the_secret() -> None:
    assert verdict(captured(), bytes.fromhex("0123456789abcdef")) == "bad"
    assert verdict(captured(), KEY + b"=") == "bad"


def test_a_missing_signature_is_absent_and_not_bad() -> None:
    assert verdict(captured(signature=None)) == "absent"


def test_any_of_several_signatures_may_match() -> None:
    many = f"v1a,abc v1,AAAA {CAPTURED_SIGNATURE} v2,xyz"
    assert verdict(captured(signature=many.encode())) == "good"
    assert verdict(captured(signature=b"v1a,abc v1,AAAA v2,xyz")) == "bad"


def test_any_of_several_keys_may_match_so_that_secrets_can_be_rotated() -> None:
    assert verdict(captured(), b"the-new-one", KEY) == "good"
    assert verdict(captured(), KEY, b"the-new-one") == "good"
    assert verdict(captured(), b"the-new-one", b"an-older-one") == "bad"


@pytest.mark.parametrize(("offset", "found"), [(-301, "stale"), (-300, "good"), (300, "good"), (301, "stale")])
def test_a_right_signature_is_stale_outside_of_the_tolerance(offset: int, found: str) -> None:
    assert verdict(captured(), now=CAPTURED_TIME + offset) == found


@given(st.binary(max_size=300), st.text(min_size=1, max_size=40).filter(lambda text: text.isascii()))
def test_what_the_reference_library_signs_is_good(content: bytes, client_secret: str) -> None:
    text = content.decode(errors="replace").encode()
    headers = signed(text, client_secret, at=CAPTURED_TIME)
    assert verdict(raw(text, headers), client_secret.encode()) == "good"


@given(st.binary(max_size=80), st.binary(max_size=20), st.binary(max_size=20))
def test_invented_headers_are_bad_and_never_an_error(signature: bytes, webhook_id: bytes, timestamp: bytes) -> None:
    forged = captured(signature=signature, webhook_id=webhook_id, timestamp=timestamp)
    assert verdict(forged) == "bad"


# --- modes ---


def store(mode: Any, *client_secrets: str, secrets: tuple[str, ...] = (SECRET,)) -> StoreTrust:
    return StoreTrust(STORE, secrets, client_secrets, mode)


@pytest.mark.parametrize(
    ("mode", "accepted"),
    [("required", {"good"}), ("if-present", {"good", "absent", "stale"}), ("off", {"good", "absent", "stale", "bad"})],
)
def test_each_mode_accepts_its_verdicts(mode: str, accepted: set[str]) -> None:
    content = body()
    tries = {
        "good": raw(content, signed(content)),
        "absent": raw(content, {}),
        "stale": raw(content, signed(content, at=time.time() - 3600)),
        "bad": raw(content, signed(content, "another-secret")),
    }
    taken = set()
    for name, one in tries.items():
        try:
            authenticate(one, store(mode, CLIENT_SECRET))
        except Untrusted as error:
            assert (error.reason, error.verdict) == (f"signature-{name}", name)  # noqa: PT017
        else:
            taken.add(name)
    assert taken == accepted


def test_the_verdict_is_heard_whether_it_is_accepted_or_not() -> None:
    content = body()
    assert authenticate(raw(content, signed(content))).verdict == "good"
    assert authenticate(raw(content, {})).verdict == "absent"
    assert authenticate(raw(content, signed(content)), store("if-present")).verdict == "unchecked"


def test_the_shared_header_is_always_required() -> None:
    content = body()
    for secret in ("", "wrong", SECRET + "x", SECRET[:-1], SECRET.upper()):
        with pytest.raises(Untrusted) as refused:
            authenticate(raw(content, signed(content), secret=secret))
        assert refused.value.reason == "secret"
    with pytest.raises(Untrusted):
        authenticate(RawDelivery(body=content, path_store=STORE))


def test_the_old_shared_header_is_accepted_while_it_is_rotated() -> None:
    rotating = store("if-present", secrets=("the-new-one", SECRET))
    for secret in ("the-new-one", SECRET):
        assert authenticate(raw(body(), {}, secret=secret), rotating).stores == {STORE}


# --- several stores ---


OTHER = StoreTrust("v6q95r5n91", ("the-other-secret",), ())
MINE = StoreTrust(STORE, (SECRET,), ())


def test_without_a_hash_in_the_path_the_secret_finds_the_store() -> None:
    for content, secret in ((body(), SECRET), (body(store="v6q95r5n91"), "the-other-secret")):
        authentic = authenticate(raw(content, {}, secret=secret, store=None), MINE, OTHER)
        assert parse(authentic).store_hash in content.decode()


def test_the_secret_of_one_store_does_not_speak_for_another() -> None:
    for path in (None, STORE):
        authentic = authenticate(raw(body(store="v6q95r5n91"), {}, store=path), MINE, OTHER)
        with pytest.raises(Untrusted) as refused:
            parse(authentic)
        assert refused.value.reason == "store"
    with pytest.raises(Untrusted):
        authenticate(raw(body(), {}, store="v6q95r5n91"), MINE, OTHER)


def test_stores_may_share_a_secret_and_the_producer_decides() -> None:
    sharing = StoreTrust("v6q95r5n91", (SECRET,), ())
    authentic = authenticate(raw(body(store="v6q95r5n91"), {}, store=None), MINE, sharing)
    assert parse(authentic).store_hash == "v6q95r5n91"


def test_stores_that_share_a_secret_do_not_share_signatures() -> None:
    sharing = StoreTrust("v6q95r5n91", (SECRET,), ("a-key-of-its-own",), "required")
    mine = StoreTrust(STORE, (SECRET,), (CLIENT_SECRET,), "required")
    content = body(store="v6q95r5n91")
    authentic = authenticate(raw(content, signed(content, CLIENT_SECRET), store=None), mine, sharing)
    with pytest.raises(Untrusted):
        parse(authentic)


# --- types and settings ---


def test_only_verification_makes_a_verified_delivery() -> None:
    with pytest.raises(TypeError, match=r"made by gateway\.trust"):
        Authentic(captured(), "good", frozenset((STORE,)), frozenset((STORE,)), seal=object())
    with pytest.raises(TypeError, match=r"made by gateway\.delivery\.parse"):
        VerifiedDelivery(None, STORE, CAPTURED, seal=object())  # type: ignore[arg-type]


def test_no_secret_is_in_any_representation() -> None:
    trust = StoreTrust(STORE, (SECRET,), (CLIENT_SECRET,))
    config = GatewayConfig(stores=(trust,), spool=Path("unused"))
    shown = repr(config) + repr(trust) + repr(captured()) + str(captured())
    assert SECRET not in shown
    assert CLIENT_SECRET not in shown
    assert CAPTURED_SIGNATURE not in shown


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: StoreTrust(STORE, ()), "has no secret for the header"),
        (lambda: StoreTrust(STORE, ("",)), "or an empty one, which would trust everybody"),
        (lambda: StoreTrust(STORE, (SECRET,), ("",)), "A client_secret of store 8jbhprizry is empty"),
        (lambda: StoreTrust(STORE, (SECRET,), (), "required"), "requires signatures but has no client_secret"),
        (lambda: GatewayConfig(stores=(MINE, MINE), spool=Path("x")), "Store 8jbhprizry is configured twice"),
    ],
)
def test_settings_that_cannot_protect_anything_are_refused(make: Any, said: str) -> None:
    with pytest.raises(GatewayError, match=said):
        make()

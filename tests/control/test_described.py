"""The description is OpenAPI 3.1, and what is asked by it, or against it, is answered by it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import ignored_auth, positive_data_acceptance

from gateway.control.openapi import document
from tests.control.stand import KEY, Stand, standing

pytestmark = pytest.mark.kafka
EXAMPLES = 25
OPERATIONS = [
    (method, path)
    for path, item in document()["paths"].items()
    for method in item
    if method in ("get", "post", "put", "delete")
]


async def test_it_is_valid_and_served_as_it_is(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    schemathesis.openapi.from_dict(document()).validate()
    async with standing(kafka, topic_prefix, tmp_path) as here:
        assert (await here.http.get("/v1/openapi.json")).json() == document()
    assert set(document()["components"]["schemas"]) >= {"Connect", "ToldDelivery", "PassedDelivery", "Trouble"}
    assert document()["security"] == [{"token": []}]
    assert len(OPERATIONS) == 5


async def test_every_answer_conforms_to_it(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    """Also to what it does not allow: bodies of other shapes and types, methods that are not there, no token."""
    async with standing(kafka, topic_prefix, tmp_path) as here:
        statuses: set[tuple[str, int]] = set()
        for method, path in OPERATIONS:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                await asyncio.to_thread(asked, here, method, path, mode, statuses)
    assert ("/v1/connectors", 200) in statuses
    assert ("/v1/connectors/bigcommerce/webhook", 422) in statuses
    assert ("/v1/connectors/bigcommerce/connect", 422) in statuses
    assert not [found for found in statuses if found[1] >= 500]


def asked(here: Stand, method: str, path: str, mode: GenerationMode, statuses: set[tuple[str, int]]) -> None:
    """That content may be right and still be refused (a scope that does not exist) is no contradiction."""
    operation = schemathesis.openapi.from_dict(document())[path][method]
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.path_parameters):
        return

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def conforms(case: Any) -> None:
        answer = case.call_and_validate(
            base_url=str(here.http.base_url),
            headers={"Authorization": f"Bearer {here.token}"},
            excluded_checks=[positive_data_acceptance, ignored_auth],  # without a token: 401, then 429
        )
        statuses.add((path, answer.status_code))
        assert answer.headers["content-type"] == ["application/json"]
        assert answer.headers["cache-control"] == ["no-store"]
        for secret in (here.token, KEY, "token-of-the-file"):
            assert secret not in answer.text

    conforms()

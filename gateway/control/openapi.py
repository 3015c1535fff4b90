"""`GET /v1/openapi.json`: OpenAPI 3.1, made from the models that requests are read with."""

from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.control import models
from gateway.control.resource import Call

_TROUBLES: Final = {
    401: "No valid token; or a delivery that was passed on is not trusted.",
    408: "The body did not come in time.",
    413: "The body has more than 64 KiB.",
    415: "The body is not application/json.",
    422: "The body is not as described, or cannot be used.",
    429: "Too many requests without a valid token.",
    500: "A fault of the gateway.",
    502: "BigCommerce gave no usable answer.",
    503: "Kafka does not answer, or does not know yet what it is asked for.",
}
_ALWAYS: Final = (401, 429, 500, 503)
_WITH_BODY: Final = (408, 413, 415, 422)


async def described(call: Call) -> tuple[int, dict[str, Any]]:
    return 200, document()


@cache
def document() -> dict[str, Any]:
    """The whole description."""
    delivery: dict[str, Any] = {"anyOf": [_ref(models.ToldDelivery), _ref(models.PassedDelivery)]}
    store_hash = {
        "name": "store_hash",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": models.STORE_HASH},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tajo control API", "version": "1"},
        "security": [{"token": []}],
        "paths": {
            "/v1/connectors": {"get": _operation("Which stores are connected.", {200: models.Connectors})},
            "/v1/connectors/bigcommerce/connect": {
                "post": _operation(
                    "Connects a store, or gives it new credentials; they are checked, and kept encrypted.",
                    {200: models.Connected},
                    body=_ref(models.Connect),
                    troubles={409: "There is no key to encrypt with, or the name is another store's.", 502: ""},
                )
            },
            "/v1/connectors/bigcommerce/webhook": {
                "post": _operation(
                    "Takes a delivery that came in elsewhere; answered once it is durable.",
                    {202: models.Delivered},
                    body=delivery,
                )
            },
            "/v1/connectors/bigcommerce/{store_hash}": {
                "parameters": [store_hash],
                "delete": _operation(
                    "Forgets the credentials that a store was connected with.",
                    {200: models.Disconnected},
                    troubles={404: "No such store was connected here."},
                ),
            },
            "/v1/openapi.json": {
                "get": {
                    **_operation("This description.", {}),
                    "responses": {"200": _content("The description.", {"type": "object"}), **_responses(_ALWAYS)},
                }
            },
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made by `tajo token create`."}
            },
        },
    }


def _operation(
    summary: str,
    answers: dict[int, type[BaseModel]],
    *,
    body: dict[str, Any] | None = None,
    troubles: dict[int, str] | None = None,
) -> dict[str, Any]:
    found: dict[str, Any] = {"summary": summary}
    if body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    good = {str(status): _content(_sentence(model), _ref(model)) for status, model in answers.items()}
    found["responses"] = {
        **good,
        **_responses(_ALWAYS + (_WITH_BODY if body is not None else ())),
        **{
            str(status): _content(said or _TROUBLES[status], _ref(models.Trouble))
            for status, said in (troubles or {}).items()
        },
    }
    return found


def _responses(statuses: tuple[int, ...]) -> dict[str, Any]:
    return {str(status): _content(_TROUBLES[status], _ref(models.Trouble)) for status in statuses}


def _content(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _sentence(model: type[BaseModel]) -> str:
    own = model.__doc__ if model.__doc__ != models.Model.__doc__ else None
    return (own or model.__name__).strip()


def _ref(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _schemas() -> dict[str, Any]:
    bodies = (models.ToldDelivery, models.PassedDelivery, models.Connect)
    answers = (models.Delivered, models.Connectors, models.Connected, models.Disconnected, models.Trouble)
    _, made = models_json_schema(
        [*((body, "validation") for body in bodies), *((answer, "serialization") for answer in answers)],
        ref_template="#/components/schemas/{model}",
    )
    return dict(made["$defs"])

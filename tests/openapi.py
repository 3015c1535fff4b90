"""Checks requests and answers against the OpenAPI files in ``tests/specs``.

Where a description contradicts what is known to be true, ``tests/contradictions.py`` says so by name, and only there.
"""

import copy
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.contradictions import PATCHES, UNDESCRIBED

SPECS = Path(__file__).parent / "specs"
Json = Any


class NotAsDescribed(AssertionError):
    """A body, a status or a parameter differs from the description."""


def validate_response(spec_file: str, method: str, path_template: str, status: int, body: Json = None) -> None:
    """``spec_file`` as ``bigcommerce/customers.v3.yml``, ``path_template`` as in it, ``body`` decoded (None: no body).

    Raises ``NotAsDescribed``.
    """
    where = f"{spec_file}: {method.upper()} {path_template} -> {status}"
    if (spec_file, method.lower(), path_template, status) in UNDESCRIBED:
        return
    spec = load(spec_file)
    responses, pointer = _follow(spec, _operation(spec, where, method, path_template)["responses"], ())
    key = next((each for each in (str(status), status, "default") if each in responses), None)
    if key is None:
        raise NotAsDescribed(f"{where}: this status is not described, only {', '.join(map(str, responses))} are.")
    response, pointer = _follow(spec, responses[key], (*_path(path_template, method), "responses", key))
    _validate(spec_file, where, _content(spec, response, pointer), body)


def validate_request(
    spec_file: str,
    method: str,
    path_template: str,
    *,
    query: Mapping[str, str] | None = None,
    body: Json = None,
) -> None:
    """Query names and values, and the body if the operation takes one. Raises ``NotAsDescribed``."""
    where = f"{spec_file}: {method.upper()} {path_template}"
    spec = load(spec_file)
    operation = _operation(spec, where, method, path_template)
    _check_query(spec_file, where, _parameters(spec, path_template, operation), query or {})
    pointer: tuple[str | int, ...] | None = None
    if "requestBody" in operation:
        place = (*_path(path_template, method), "requestBody")
        pointer = _content(spec, *_follow(spec, operation["requestBody"], place))
    for number, parameter in enumerate(operation.get("parameters", [])):
        if parameter.get("in") == "body":
            pointer = (*_path(path_template, method), "parameters", number, "schema")
    if body is not None and pointer is None:
        raise NotAsDescribed(f"{where}: a body was sent, and the description has none.")
    if pointer is not None and (body is not None or "requestBody" in operation):
        _validate(spec_file, where, pointer, body)


def validate_schema(spec_file: str, name: str, body: Json) -> None:
    """A body that is described among the components only, as webhooks' callbacks are. Raises ``NotAsDescribed``."""
    _validate(spec_file, f"{spec_file}: {name}", ("components", "schemas", name), body)


def _check_query(spec_file: str, where: str, known: Mapping[str, Json], query: Mapping[str, str]) -> None:
    for name, text in query.items():
        if name not in known:
            raise NotAsDescribed(f"{where}: the query parameter '{name}' is not described, only {sorted(known)} are.")
        schema = known[name].get("schema", {k: v for k, v in known[name].items() if k in ("type", "enum", "items")})
        value = _typed(_resolved(load(spec_file), schema), text)
        errors = list(_validator(spec_file, schema).iter_errors(value))
        if errors:
            raise NotAsDescribed(f"{where}: the query parameter '{name}' is '{text}': {errors[0].message}.")


def _typed(schema: Json, text: str) -> Json:
    """The value that a text in a query stands for, as far as the schema makes it one."""
    kind = schema.get("type")
    if kind == "array":
        return [_typed(schema.get("items", {}), part) for part in text.split(",")]
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind in ("integer", "number"):
        try:
            return int(text) if kind == "integer" else float(text)
        except ValueError:
            return text
    return text


@cache
def load(spec_file: str) -> Json:
    """The description as JSON Schema understands it, with the named contradictions put right."""
    with (SPECS / spec_file).open(encoding="utf-8") as file:
        spec = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for patch in PATCHES.get(spec_file, ()):
        patch.apply(spec)
    return _as_json_schema(spec, _uri(spec_file))


def _uri(spec_file: str) -> str:
    return f"urn:spec:{spec_file}"


def _as_json_schema(node: Json, uri: str) -> Json:
    """OpenAPI 3.0 and 2.0 differ from JSON Schema in a few words; those are translated, wherever they stand.

    References get the file's own ``uri``, so that any part of it can be used by itself.
    """
    if isinstance(node, list):
        return [_as_json_schema(each, uri) for each in node]
    if not isinstance(node, dict):
        return node
    # JSON knows no integer keys, and pointers are texts: a status such as 200 becomes '200'.
    node = {str(key): _as_json_schema(value, uri) for key, value in node.items()}
    if isinstance(node.get("$ref"), str) and node["$ref"].startswith("#"):
        node["$ref"] = f"{uri}{node['$ref']}"
    if isinstance(node.get("required"), bool) and "in" not in node:
        del node["required"]
    for bound, end in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(node.get(bound), bool):
            exclusive = node.pop(bound)
            if exclusive and end in node:
                node[bound] = node.pop(end)
    if (node.get("nullable") or node.get("x-nullable")) is True:
        return _or_null(node)
    return node


def _or_null(node: Json) -> Json:
    schema = copy.copy(node)
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
        return schema
    return {"anyOf": [schema, {"type": "null"}]}


def _operation(spec: Json, where: str, method: str, path_template: str) -> Json:
    try:
        return spec["paths"][path_template][method.lower()]
    except KeyError:
        raise NotAsDescribed(f"{where}: there is no such operation in the description.") from None


def _path(path_template: str, method: str) -> tuple[str | int, ...]:
    return ("paths", path_template, method.lower())


def _parameters(spec: Json, path_template: str, operation: Json) -> dict[str, Json]:
    both = [*spec["paths"][path_template].get("parameters", []), *operation.get("parameters", [])]
    found = [_resolved(spec, each) for each in both]
    return {each["name"]: each for each in found if each.get("in") == "query"}


def _resolved(spec: Json, node: Json) -> Json:
    return _follow(spec, node, ())[0]


def _follow(spec: Json, node: Json, pointer: tuple[str | int, ...]) -> tuple[Json, tuple[str | int, ...]]:
    """What a node means after its references, and where that stands."""
    while isinstance(node, dict) and isinstance(node.get("$ref"), str):
        parts = node["$ref"].partition("#/")[2].split("/")
        pointer = tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)
        node = spec
        for part in pointer:
            node = node[part]
    return node, pointer


def _content(spec: Json, holder: Json, pointer: tuple[str | int, ...]) -> tuple[str | int, ...] | None:
    """Where the schema of a body stands; None when no body is described."""
    if "schema" in holder:
        return (*pointer, "schema")
    content = holder.get("content") or {}
    kinds = sorted(content, key=lambda kind: not kind.startswith("application/json"))
    if kinds and "schema" in content[kinds[0]]:
        return (*pointer, "content", kinds[0], "schema")
    return None


def _validate(spec_file: str, where: str, pointer: tuple[str | int, ...] | None, body: Json) -> None:
    if pointer is None:
        if body not in (None, "", b""):
            raise NotAsDescribed(f"{where}: there is a body, and the description has none.")
        return
    escaped = "/".join(_escaped(str(part)) for part in pointer)
    schema = {"$ref": f"{_uri(spec_file)}#/{escaped}"}
    errors = sorted(_validator(spec_file, schema).iter_errors(body), key=lambda error: error.json_path)
    if errors:
        told = "; ".join(f"{error.json_path} {error.message[:300]}" for error in errors[:5])
        raise NotAsDescribed(f"{where}: {told}.")


def _escaped(part: str) -> str:
    """JSON pointer in a URI fragment."""
    pointer = part.replace("~", "~0").replace("/", "~1")
    return pointer.replace("%", "%25").replace("{", "%7B").replace("}", "%7D").replace(" ", "%20")


def _validator(spec_file: str, schema: Json) -> Draft202012Validator:
    return Draft202012Validator(schema, registry=_registry(spec_file))


@cache
def _registry(spec_file: str) -> "Registry[Json]":
    return Registry().with_resource(_uri(spec_file), DRAFT202012.create_resource(load(spec_file)))  # type: ignore[no-any-return]

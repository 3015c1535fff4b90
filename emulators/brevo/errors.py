"""What Brevo refuses, and its envelope: ``{"code", "message"}``, for contacts also ``"metadata"``."""

from collections.abc import Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response


class Refusal(Exception):
    """A request that Brevo answers with ``status`` and the envelope, and that changed nothing."""

    def __init__(self, status: int, code: str, message: str, metadata: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.metadata = metadata

    def response(self) -> Response:
        body: dict[str, object] = {"code": self.code, "message": self.message}
        if self.metadata is not None:
            body["metadata"] = self.metadata
        return json_response(body, self.status)


def invalid(message: str) -> Refusal:
    return Refusal(400, "invalid_parameter", message)


def missing(message: str) -> Refusal:
    return Refusal(400, "missing_parameter", message)


def out_of_range(message: str) -> Refusal:
    return Refusal(400, "out_of_range", message)


def not_found(message: str) -> Refusal:
    return Refusal(404, "document_not_found", message)


def json_response(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def no_content() -> Response:
    return Response(status_code=204)


async def no_such_path(request: Request, _: Exception) -> Response:
    return Refusal(404, "document_not_found", f"There is no {request.method} {request.url.path}.").response()


async def no_such_method(request: Request, _: Exception) -> Response:
    return Refusal(405, "method_not_allowed", f"{request.url.path} does not take {request.method}.").response()

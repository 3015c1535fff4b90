"""What the gateway's protocol uses of uvicorn is still there, in the version that it was written for."""

import inspect

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol


def test_the_version_is_that_which_the_protocol_was_written_for() -> None:
    assert uvicorn.__version__.startswith("0.54.")


@pytest.mark.parametrize(
    "name",
    [
        "connection_made",
        "connection_lost",
        "data_received",
        "on_message_begin",
        "on_header",
        "on_headers_complete",
        "on_body",
        "on_message_complete",
        "on_response_complete",
        "send_400_response",
        "_start_asgi_task",
    ],
)
def test_a_method_that_is_overridden_or_called_exists(name: str) -> None:
    assert callable(getattr(HttpToolsProtocol, name))


@pytest.mark.parametrize(
    "line", ["self.cycle", "self.pipeline", "self.headers", "self.flow", "self.connections", "self.parser"]
)
def test_a_connection_has_what_ours_reads_of_it(line: str) -> None:
    assert line in inspect.getsource(HttpToolsProtocol.__init__)


def test_requests_that_follow_wait_until_the_cycle_before_is_complete() -> None:
    assert "existing_cycle.response_complete" in inspect.getsource(HttpToolsProtocol.on_headers_complete)
    assert "self.url = b" in inspect.getsource(HttpToolsProtocol.on_message_begin)
    assert "self.cycle.message_event.set()" in inspect.getsource(HttpToolsProtocol.on_body)
    assert "self.cycle.more_body = False" in inspect.getsource(HttpToolsProtocol.on_message_complete)
    assert "self.cycle.disconnected = True" in inspect.getsource(HttpToolsProtocol.connection_lost)


def test_status_lines_are_made_beforehand() -> None:
    assert STATUS_LINE[200].startswith(b"HTTP/1.1 200 ")

"""`make lint` asks for known vulnerabilities of what is locked; offline it says so and goes on."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tajo.kafka.ports import free_port

ROOT = Path(__file__).parents[2]


@contextmanager
def osv(vulnerable: str) -> Iterator[tuple[str, list[str]]]:
    """A stand-in for OSV's database, and the packages that were asked for."""
    asked: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append(query["package"]["name"])
            body = json.dumps(answer(query)).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
            pass

    def answer(query: dict[str, Any]) -> dict[str, Any]:
        if query["package"]["name"] != vulnerable:
            return {}
        package = {"ecosystem": "PyPI", "name": vulnerable}
        ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999.1"}]}]
        found = {"package": package, "ranges": ranges}
        return {
            "vulns": [
                {"id": "PYSEC-0000-1", "summary": "Made up.", "affected": [found], "published": "2020-01-01T00:00:00Z"}
            ]
        }

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def audited(url: str) -> tuple[int, str]:
    command = [sys.executable, str(ROOT / "scripts" / "audit.py"), "--osv-url", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert not done.stderr
    return done.returncode, done.stdout


def test_a_known_vulnerability_fails_it_and_is_named_with_its_cure() -> None:
    with osv("starlette") as (url, asked):
        status, said = audited(url)
    assert status == 1
    assert "audit: starlette 1." in said
    assert "has PYSEC-0000-1; fixed in 999.1." in said
    assert len(asked) == len(set(asked)) > 100
    assert {"starlette", "cryptography", "schemathesis"} <= set(asked), "of the program and of its development"


def test_without_any_it_says_how_many_were_asked_for() -> None:
    with osv("") as (url, asked):
        assert audited(url) == (0, f"audit: {len(asked)} packages, no known vulnerability.\n")


def test_offline_it_says_that_nothing_was_asked_and_lint_goes_on() -> None:
    status, said = audited(f"http://127.0.0.1:{free_port()}/v1/query")
    assert status == 0
    assert said.startswith("audit: not done, the vulnerability database could not be asked (")
    assert said.count("\n") == 1


def test_lint_runs_it() -> None:
    done = subprocess.run(["make", "-n", "lint"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "python scripts/audit.py" in done.stdout

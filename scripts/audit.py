"""Whether a locked package has a known vulnerability: pip-audit over the lock files, asking OSV (osv.dev).

Nothing is installed and no package index is asked. Exit status 1 if a vulnerability is known. Without an answer, which
is the case offline, a sentence is printed and the status is 0: lint has to work on a train. `make lint` runs it.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
LOCKS: Final = ("requirements-run.lock", "requirements.lock")
ANSWER_SECONDS: Final = 5  # for one request: what offline costs
SECONDS: Final = 60  # for all of them


def report(command: list[str]) -> dict[str, Any] | str:
    """What pip-audit found, or why it found nothing out."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        try:
            done = subprocess.run([*command, "-o", str(file)], capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return f"no answer within {SECONDS} s"
        except OSError as error:
            return str(error)
        if not file.exists() or not file.stat().st_size:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            return said[-1].strip().partition("(")[0] if said else f"pip-audit ended with {done.returncode}"
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found


def verdict(found: dict[str, Any] | str) -> tuple[int, list[str]]:
    """Exit status, and what is printed."""
    if isinstance(found, str):
        return 0, [f"audit: not done, the vulnerability database could not be asked ({found})."]
    packages = {one["name"]: one for one in found["dependencies"]}
    asked = {name: one for name, one in packages.items() if "skip_reason" not in one}
    if not asked:
        return 0, ["audit: not done, none of the packages could be asked for."]
    lines = [
        f"audit: {name} {one['version']} has {each['id']}; fixed in {', '.join(each['fix_versions']) or 'no version'}."
        for name, one in sorted(asked.items())
        for each in one["vulns"]
    ]
    if len(asked) < len(packages):
        lines.append(f"audit: {len(packages) - len(asked)} of {len(packages)} packages could not be asked for.")
    bad = any(one["vulns"] for one in asked.values())
    return (1, lines) if bad else (0, [*lines, f"audit: {len(asked)} packages, no known vulnerability."])


def main(arguments: list[str]) -> int:
    """``arguments``: further ones for pip-audit."""
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    command += ["--vulnerability-service", "osv", "--timeout", str(ANSWER_SECONDS), "-f", "json"]
    for lock in LOCKS:
        command += ["-r", str(ROOT / lock)]
    status, lines = verdict(report([*command, *arguments]))
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

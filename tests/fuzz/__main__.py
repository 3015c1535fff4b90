"""make fuzz: a million inputs for the receive path, those of atheris guided by coverage: `python -m tests.fuzz`.

Each part is a process of its own and says how much it did in how many seconds. Exit status 1 with the first input that
breaks a rule; atheris leaves it in the folder as `crash-*`, and `python -m tests.fuzz judged|wire FILE` runs it again.
"""

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tajo.logs import configure

SHARES: Final = {"judged": 0.6, "wire": 0.2, "hypothesis": 0.2}
LONGEST: Final = 1024  # bytes of an input


def guided(part: str, runs: int, seconds: int, corpus: str) -> None:
    """Ends the process."""
    import atheris

    with atheris.instrument_imports(include=["gateway", "connectors.bigcommerce.scopes"]):
        from tests.fuzz import judged, wire
    configure(logging.CRITICAL)
    check = judged.check if part == "judged" else wire.Wire().check

    def once(data: bytes) -> None:
        check(data)

    options = [
        f"-runs={runs}",
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, corpus], once)
    atheris.Fuzz()


def again(part: str, file: Path) -> None:
    from tests.fuzz import judged, wire

    print((judged.check if part == "judged" else wire.Wire().check)(file.read_bytes()))


def everything(inputs: int, minutes: float) -> int:
    failed = 0
    for part, share in SHARES.items():
        runs, seconds = int(inputs * share), int(minutes * 60 * share)
        environment = os.environ | {"TAJO_FUZZ_EXAMPLES": str(runs), "TAJO_FUZZ_SECONDS": str(seconds)}
        with tempfile.TemporaryDirectory(prefix="tajo-fuzz-") as corpus:
            command = [
                sys.executable,
                "-m",
                "tests.fuzz",
                part,
                "--inputs",
                str(runs),
                "--seconds",
                str(seconds),
                corpus,
            ]
            if part == "hypothesis":
                command = [
                    sys.executable,
                    "-m",
                    "pytest",
                    "-q",
                    "-p",
                    "no:cacheprovider",
                    "tests/fuzz/test_receiving.py",
                ]
            began = time.monotonic()
            code = subprocess.run(command, env=environment, check=False).returncode
        print(f"{part}: {runs:,} inputs at most, exit status {code}, {time.monotonic() - began:.0f} s", flush=True)
        failed = failed or code
    return failed


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("part", nargs="?", choices=("judged", "wire"))
    parser.add_argument("path", nargs="?", type=Path)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seconds", type=int, default=600)
    options = parser.parse_intermixed_args()
    if options.part is None:
        return everything(options.inputs, options.minutes)
    if options.path.is_file():
        again(options.part, options.path)
    else:
        guided(options.part, options.inputs, options.seconds, str(options.path))
    return 0


if __name__ == "__main__":
    sys.exit(main())

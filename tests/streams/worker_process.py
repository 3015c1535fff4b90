"""Workers as processes that tests kill, freeze and start again; only own children are touched, by their handle."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class WorkerProcess:
    def __init__(self, module: str, *arguments: str, log: Path) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self.log = log
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, env={**os.environ}
            )

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)
        self._close_input()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """Asks it to stop in order; its exit status."""
        self._close_input()
        return self._process.wait(30)

    def ended(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._process.poll()

    async def has_ended(self) -> bool:
        return self.ended() is not None

    async def is_frozen(self) -> bool:
        """Whether it was stopped by a signal, since the last time that it was asked."""
        found = os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOHANG)  # noqa: ASYNC222 - it does not wait
        return found is not None and found.si_code == os.CLD_STOPPED

    def end(self) -> None:
        """Whatever state it is in, it is gone afterwards."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
        self._close_input()

    def _close_input(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()

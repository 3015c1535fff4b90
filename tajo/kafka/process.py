"""A child process that cannot outlive us, and that a Ctrl-C in our terminal does not reach."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final

# Runs in the child between fork and exec, as a program of its own: `preexec_fn` is not safe in a process with threads.
# PR_SET_PDEATHSIG (1, prctl(2), Linux only) survives the exec. If the parent died before it was set, getppid tells.
_SHIM: Final = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class _Spawner:
    """Starts processes from one thread that lives as long as we do.

    The kernel sends the death signal when the *thread* that forked ends, not only when the process does. A broker
    started from a worker thread would die with that thread.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._pid: int | None = None

    def start(self, job: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._pid != os.getpid():  # first use, or we are a fork and the thread stayed behind
                self._pid, self._jobs = os.getpid(), queue.SimpleQueue()
                threading.Thread(target=self._serve, args=(self._jobs,), name="tajo-spawner", daemon=True).start()
        answer: queue.SimpleQueue[subprocess.Popen[bytes] | BaseException] = queue.SimpleQueue()

        def run() -> None:
            try:
                answer.put(job())
            except BaseException as error:
                answer.put(error)

        self._jobs.put(run)
        result = answer.get()
        if isinstance(result, BaseException):
            raise result
        return result

    @staticmethod
    def _serve(jobs: "queue.SimpleQueue[Callable[[], None]]") -> None:
        while True:
            jobs.get()()


_SPAWNER: Final = _Spawner()


def start_bound(
    command: Sequence[str], *, folder: Path | None = None, log: Path | None = None
) -> subprocess.Popen[bytes]:
    """Starts ``command`` in ``folder``; it gets SIGKILL when we die in any way (Linux).

    Output is appended to ``log``, or goes where ours goes. A session of its own: a Ctrl-C reaches only us, and we stop
    it in order.
    """
    shim = [sys.executable, "-I", "-S", "-c", _SHIM, str(os.getpid()), *command]

    def spawn() -> subprocess.Popen[bytes]:
        with nullcontext() if log is None else log.open("ab") as output:
            return subprocess.Popen(
                shim,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=None if log is None else subprocess.STDOUT,
                start_new_session=True,
            )

    return _SPAWNER.start(spawn)


def end(process: subprocess.Popen[bytes], *, within: float) -> bool:
    """SIGTERM, then SIGKILL after ``within`` seconds. True if it ended by itself. Always reaps it."""
    process.terminate()
    try:
        process.wait(within)
        return True
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False

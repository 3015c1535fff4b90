"""What the tests see of a program in the system must not depend on what it does meanwhile."""

import subprocess
import sys
from pathlib import Path

from tests.e2e import left

RESTLESS = """
import os, socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(50)]
    for descriptor in opened:
        os.close(descriptor)
"""


def test_the_ports_of_a_process_are_seen_while_it_opens_and_closes_files(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RESTLESS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            assert [left.ports(tmp_path) for _ in range(100)] == [{port}] * 100
        finally:
            process.kill()

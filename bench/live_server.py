"""The real server in a process of its own, on a free port of this machine."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contract.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
READY_LIMIT_S = 120.0
END_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class LiveServer:
    """A server that is ready.

    url: of its page
    pid: of its process
    """

    url: str
    pid: int

    @property
    def peak_memory_bytes(self) -> int:
        """The most memory that the process has held at once."""
        return self._status_bytes("VmHWM:")

    @property
    def memory_bytes(self) -> int:
        """The memory that the process holds."""
        return self._status_bytes("VmRSS:")

    def _status_bytes(self, name: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith(name)))


@contextmanager
def live_server(
    log: Path, *arguments: str, max_sessions: int = 2, port: int = 0, mark_clicks: bool = False
) -> Iterator[LiveServer]:
    """`float-avatar serve` with these arguments, from ready until it has ended; its output goes to `log`.

    port: 0 = any that is free
    mark_clicks: pictures show which of them holds a click
    Raises ConfigError where the server does not begin, or does not end.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "cli.main", "serve", "--host", "127.0.0.1", "--port", str(port), *arguments]
    # Not measured: what else runs on the machine would decide.
    environment = {"FLOAT_AVATAR_PROFILE": "interactive", **os.environ, "FLOAT_AVATAR_MAX_SESSIONS": str(max_sessions)}
    if mark_clicks:
        environment["FLOAT_AVATAR_MARK_CLICKS"] = "true"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            url = f"http://127.0.0.1:{port}/"
            _wait_until_ready(process, url, log)
            yield LiveServer(url, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(END_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise ConfigError(f"the server did not end within {END_LIMIT_S} s of SIGTERM") from None


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end_s = time.monotonic() + READY_LIMIT_S
    while time.monotonic() < end_s:
        if process.poll() is not None:
            raise ConfigError(f"the server ended with {process.returncode}:\n{log.read_text()[-4000:]}")
        try:
            with urllib.request.urlopen(url + "readyz", timeout=5):
                return
        except urllib.error.HTTPError as error:
            error.close()  # 503: it is warming up
        except OSError:
            pass  # it does not listen yet
        time.sleep(0.1)
    raise ConfigError(f"the server was not ready after {READY_LIMIT_S} s:\n{log.read_text()[-4000:]}")

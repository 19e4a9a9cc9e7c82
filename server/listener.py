"""The server's sockets and its run, from the first request to Ctrl-C."""

import errno
import signal
import socket
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from contract.errors import ConfigError

PATIENCE_S = 3
LACKING = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets on every address of `host`; port 0 takes a free one. Raises ConfigError where that is not possible."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"host {host!r} is not an address of this machine: {error}") from error
    sockets: list[socket.socket] = []
    lacking: OSError | None = None
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            sockets.append(_listen_on(family, address))
        except OSError as error:
            # A name may have an address that the machine lacks, as localhost's ::1 in many containers.
            if error.errno in LACKING:
                lacking = error
                continue
            for each in sockets:
                each.close()
            raise ConfigError(
                f"port {port} of {host} can't be opened ({error.strerror}): "
                "is another server running? --port takes another"
            ) from error
    if not sockets:
        raise ConfigError(f"host {host!r} is not an address of this machine: {lacking}") from lacking
    return sockets


def _listen_on(family: int, address: tuple[object, ...]) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def port_of(sockets: list[socket.socket]) -> int:
    """The port that was opened."""
    return int(sockets[0].getsockname()[1])


class Listener:
    """Runs an application until it is told to stop."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self._sockets = sockets
        self._server: uvicorn.Server | None = None

    def run(self, app: FastAPI) -> None:
        """Serve until Ctrl-C, SIGTERM or `stop`; the application's own ending is waited for."""
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                ws="none",
                lifespan="on",
                timeout_graceful_shutdown=PATIENCE_S,
            )
        )
        # uvicorn repeats the signal when it is done, for those who called it; both kinds end the run, no more.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with suppress(KeyboardInterrupt):
                self._server.run(sockets=self._sockets)
        finally:
            signal.signal(signal.SIGTERM, before)

    def stop(self) -> None:
        """End the run."""
        if self._server is not None:
            self._server.should_exit = True

"""Sockets: a taken port and a strange host are one clear error."""

import socket

import pytest

from contract.errors import ConfigError
from server.listener import listen, port_of


def test_a_taken_port_is_told() -> None:
    sockets = listen("127.0.0.1", 0)
    port = port_of(sockets)
    with pytest.raises(ConfigError, match=f"port {port} of 127.0.0.1 can't be opened"):
        listen("127.0.0.1", port)
    for each in sockets:
        each.close()


def test_a_host_that_is_none_of_ours_is_told() -> None:
    with pytest.raises(ConfigError, match=r"203\.0\.113\.9"):
        listen("203.0.113.9", 0)
    with pytest.raises(ConfigError, match="not an address"):
        listen("no such host", 0)
    with pytest.raises(ConfigError, match="not an address"):
        listen("a" * 70, 0)


def test_a_name_with_an_address_that_this_machine_lacks_listens_on_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as localhost in a container that has no IPv6."""
    stream = (socket.SOCK_STREAM, 6, "")
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_, **__: [
            (socket.AF_INET6, *stream, ("2001:db8::9", 0, 0, 0)),
            (socket.AF_INET, *stream, ("127.0.0.1", 0)),
        ],
    )
    sockets = listen("localhost", 0)
    assert [each.getsockname()[0] for each in sockets] == ["127.0.0.1"]
    for each in sockets:
        each.close()

"""Sockets: a taken port and a strange host are one clear error."""

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

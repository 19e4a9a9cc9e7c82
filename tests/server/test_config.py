"""Settings: where they come from, and what is said of those without meaning."""

from pathlib import Path

import pytest

from contract.errors import ConfigError
from server.config import ServerConfig


def test_given_settings_win_over_the_environment_and_that_over_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOAT_AVATAR_PORT", "9000")
    monkeypatch.setenv("FLOAT_AVATAR_HOP_FRAMES", "10")
    monkeypatch.setenv("FLOAT_AVATAR_ICE_SERVERS", '["stun:192.0.2.1:3478"]')
    config = ServerConfig.read(port=9100, host=None, bundle=Path("b"))
    assert (config.port, config.hop_frames, config.host) == (9100, 10, "127.0.0.1")
    assert config.ice_servers == ("stun:192.0.2.1:3478",)
    assert config.bundle == Path("b")
    assert (config.stream_settings.hop_frames, config.stream_settings.emotion) == (10, None)
    assert ServerConfig.read(emotion="sad").stream_settings.emotion == "sad"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"port": 70_000}, "port 70000"),
        ({"hop_frames": 0}, "hop_frames 0"),
        ({"max_sessions": "many"}, "max_sessions 'many'"),
        ({"colour": "red"}, "colour 'red'"),
        ({"emotion": "grumpy"}, "emotion 'grumpy': .*expected one of angry, disgust, fear, happy, neutral, sad"),
        ({"ice_servers": ("192.0.2.1:3478",)}, "'192.0.2.1:3478'.*stun"),
    ],
)
def test_settings_without_meaning_are_named(given: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        ServerConfig.read(**given)


def test_an_environment_that_can_not_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOAT_AVATAR_ICE_SERVERS", "stun:192.0.2.1:3478")
    with pytest.raises(ConfigError, match=r"ice_servers.*JSON"):
        ServerConfig.read()

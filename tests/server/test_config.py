"""Settings: where they come from, and what is said of those without meaning."""

from pathlib import Path

import pytest

from contract.errors import ConfigError
from pipeline.profile import BALANCED, INTERACTIVE, PAPER, Profile
from pipeline.test_pattern import TestPatternAvatar
from server.config import ServerConfig
from tests.fakes import TINY_SPEC


def test_given_settings_win_over_the_environment_and_that_over_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOAT_AVATAR_PORT", "9000")
    monkeypatch.setenv("FLOAT_AVATAR_HOP_FRAMES", "10")
    monkeypatch.setenv("FLOAT_AVATAR_ICE_SERVERS", '["stun:192.0.2.1:3478"]')
    config = ServerConfig.read(port=9100, host=None, bundle=Path("b"))
    assert (config.port, config.hop_frames, config.host) == (9100, 10, "127.0.0.1")
    assert config.ice_servers == ("stun:192.0.2.1:3478",)
    assert config.bundle == Path("b")
    settings = config.stream_settings(INTERACTIVE)
    assert (settings.hop_frames, settings.lookahead_frames, settings.emotion) == (3, 2, None)
    assert ServerConfig.read(emotion="sad").stream_settings(INTERACTIVE).emotion == "sad"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, INTERACTIVE),
        ({"profile": "auto"}, INTERACTIVE),
        ({"profile": "balanced"}, BALANCED),
        ({"profile": "paper"}, PAPER),
        ({"hop_frames": 7}, Profile("custom", 7, INTERACTIVE.lookahead_frames)),
        ({"profile": "paper", "lookahead_frames": 0}, Profile("custom", 50, 0)),
        ({"profile": "balanced", "hop_frames": 8, "lookahead_frames": 1}, Profile("custom", 8, 1)),
    ],
)
def test_given_numbers_win_over_the_profile(given: dict[str, object], expected: Profile) -> None:
    config = ServerConfig.read(**given)
    assert config.asked_profile(TestPatternAvatar().spec) == expected
    # The machine is asked only where nobody said anything else.
    assert config.is_profile_measured == (expected == INTERACTIVE)


def test_a_profile_is_cut_to_a_bundles_window_and_a_given_number_is_not() -> None:
    assert ServerConfig.read(profile="paper").asked_profile(TINY_SPEC) == Profile("paper", 20, 0)
    asked = ServerConfig.read(profile="paper", hop_frames=30).asked_profile(TINY_SPEC)
    with pytest.raises(ConfigError, match="hop_frames 30"):
        ServerConfig.read().stream_settings(asked).window(TINY_SPEC)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"port": 70_000}, "port 70000"),
        ({"hop_frames": 0}, "hop_frames 0"),
        ({"max_sessions": "many"}, "max_sessions 'many'"),
        ({"profile": "fast"}, "profile 'fast': .*'auto', 'interactive', 'balanced' or 'paper'"),
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

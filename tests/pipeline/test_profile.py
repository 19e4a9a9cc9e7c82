"""Named profiles: what they are, and that the pipeline's own default is the interactive one."""

from dataclasses import replace

import pytest

from contract.errors import ConfigError
from pipeline.avatar import StreamSettings
from pipeline.profile import INTERACTIVE, PAPER, PROFILES, find_profile
from tests.fakes import TINY_SPEC


def test_the_fastest_comes_first_and_the_papers_windows_last() -> None:
    hops = [profile.hop_frames for profile in PROFILES]
    assert hops == sorted(hops)
    assert (PAPER.hop_frames, PAPER.lookahead_frames) == (50, 0)


def test_a_stream_that_is_told_nothing_is_interactive() -> None:
    settings = StreamSettings()
    assert (settings.hop_frames, settings.lookahead_frames) == (INTERACTIVE.hop_frames, INTERACTIVE.lookahead_frames)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("window_frames", [1, 4, 6, 12, 50, 80])
def test_fitted_to_any_window_a_profile_is_one_that_can_be_drawn(profile, window_frames: int) -> None:
    spec = replace(TINY_SPEC, window_frames=window_frames)
    fitted = profile.fitted(spec)
    StreamSettings(fitted.hop_frames, fitted.lookahead_frames).window(spec)
    assert fitted.name == profile.name
    if profile.hop_frames + profile.lookahead_frames <= window_frames:
        assert fitted == profile


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    assert find_profile("balanced").name == "balanced"
    with pytest.raises(ConfigError, match="profile 'fast', expected one of interactive, balanced, paper"):
        find_profile("fast")

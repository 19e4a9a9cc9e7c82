"""What a peer sends is one voice, and what is missing of it is told by its time stamps."""

from fractions import Fraction

import av
import numpy as np
import pytest

from server.peer_voice import LONGEST_GAP_SAMPLES, PeerVoice


def frame(pts: int | None, left: int = 100, right: int = 100, layout: str = "stereo") -> av.AudioFrame:
    pairs = np.tile(np.array([left, right] if layout == "stereo" else [left], np.int16), 960)
    made = av.AudioFrame.from_ndarray(pairs[None, :], format="s16", layout=layout)
    made.sample_rate = 48000
    if pts is not None:
        made.pts, made.time_base = pts, Fraction(1, 48000)
    return made


@pytest.mark.parametrize(("layout", "left", "right", "level"), [("stereo", 100, 300, 200), ("mono", 70, 0, 70)])
def test_two_channels_are_their_mean_and_one_is_itself(layout: str, left: int, right: int, level: int) -> None:
    samples = PeerVoice().samples(frame(0, left, right, layout))
    assert samples.shape == (960,) and samples.dtype == np.int16
    assert (samples == level).all()


def test_a_gap_is_told_once_and_a_long_pause_is_none() -> None:
    voice = PeerVoice()
    times = (0, 960, 2880, 3840, 3840 + 960 + LONGEST_GAP_SAMPLES, 10**6, 10**6 + 960, 500)
    gaps = [voice.gap_samples(frame(pts), 960) for pts in times]
    assert gaps == [0, 0, 960, 0, LONGEST_GAP_SAMPLES, 0, 0, 0]


def test_a_frame_without_a_time_has_no_gap() -> None:
    voice = PeerVoice()
    assert [voice.gap_samples(frame(pts), 960) for pts in (0, None, 960)] == [0, 0, 0]

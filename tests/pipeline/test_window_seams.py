"""Seams of series whose answers are known."""

import numpy as np
import pytest

from pipeline.window_seams import seam_ratio, speeds, split_at_seams


def test_speed_is_the_distance_between_frames() -> None:
    motion = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0], [3.0, 5.0]])
    assert speeds(motion) == pytest.approx([5.0, 0.0, 1.0])


def test_jumps_between_windows_are_told_from_motion_inside() -> None:
    motion = np.arange(20.0)[:, None].copy()
    # Windows of five frames, each starting three further on.
    motion += 3 * (np.arange(20) // 5)[:, None]
    at_seams, inside = split_at_seams(speeds(motion), hop_frames=5)
    assert at_seams == pytest.approx([4.0, 4.0, 4.0])
    assert inside == pytest.approx(np.ones(16))


def test_a_stream_of_one_window_has_no_seam() -> None:
    at_seams, inside = split_at_seams(speeds(np.arange(10.0)[:, None]), hop_frames=50)
    assert len(at_seams) == 0 and len(inside) == 9


def test_the_ratio_is_that_of_the_medians() -> None:
    motion = np.arange(20.0)[:, None].copy()
    motion += 3 * (np.arange(20) // 5)[:, None]
    assert seam_ratio(*split_at_seams(speeds(motion), hop_frames=5)) == pytest.approx(4.0)
    at_rest = np.zeros((20, 1))
    assert seam_ratio(*split_at_seams(speeds(at_rest), hop_frames=5)) == 0.0


def test_begun_at_every_place_of_a_window_true_motion_has_no_seams_and_jumps_stay_jumps() -> None:
    clip = np.random.default_rng(0).uniform(0.5, 1.5, 200)
    clip[3::4] *= 3  # as syllables may fall

    def ratio(jump: float, delays: range) -> float:
        parts = []
        for delay in delays:
            values = np.concatenate([np.zeros(delay), clip])
            values[3::4] *= jump
            parts.append(split_at_seams(values, 4, first_frame=delay))
        at_seams, inside = (np.concatenate(each) for each in zip(*parts, strict=True))
        return seam_ratio(at_seams, inside)

    assert ratio(1.0, range(1)) > 2.5
    assert ratio(1.0, range(4)) == pytest.approx(1.0, abs=0.01)
    assert ratio(1.5, range(4)) == pytest.approx(1.5, abs=0.02)

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

"""Seams and blinks of series whose answers are known."""

import numpy as np
import pytest

from evaluation.motion import blinks, per_minute, speeds, split_at_seams


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


def test_blinks_are_counted_once_each() -> None:
    lids = [0, 0.3, 0.9, 1.0, 0.7, 0.2, 0.0, 0.65, 0.1, 0.5, 0.55, 0.0, 1.0]
    assert blinks(np.array(lids)) == 3


def test_lids_that_tremble_while_shut_do_not_blink_again() -> None:
    assert blinks(np.array([0, 0.8, 0.5, 0.8, 0.5, 0.8, 0.0])) == 1
    assert blinks(np.full(100, 0.45)) == 0


def test_a_rate_is_a_minute_s() -> None:
    assert per_minute(4, 250) == pytest.approx(24.0)

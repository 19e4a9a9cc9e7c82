"""Correlation, lag and closures on series whose answers are known."""

import numpy as np
import pytest

from evaluation.lip_sync import closures, lag_frames, num_closed, pearson


def speech(num_frames: int = 300, shift: float = 0.0) -> np.ndarray:
    """A smooth series without a period, sampled `shift` frames later."""
    times = np.arange(num_frames) - shift
    return np.sin(times * 0.9) + np.sin(times * 0.61 + 1) + np.sin(times * 0.37 + 2)


def test_r_is_one_of_itself_whatever_gain_and_offset() -> None:
    series = speech()
    assert pearson(series, 3 * series - 7) == pytest.approx(1.0)
    assert pearson(series, -series) == pytest.approx(-1.0)


def test_what_never_changes_follows_nothing() -> None:
    assert pearson(speech(), np.ones(300)) == 0.0
    assert pearson(np.zeros(300), speech()) == 0.0


@pytest.mark.parametrize("lag", [-5, -1, 0, 1, 3, 7])
def test_a_shift_by_whole_frames_is_found(lag: int) -> None:
    assert lag_frames(speech(), speech(shift=lag)) == pytest.approx(lag, abs=0.03)


@pytest.mark.parametrize("lag", [-1.5, -0.4, 0.25, 0.5, 2.7])
def test_a_shift_between_frames_is_found(lag: float) -> None:
    assert lag_frames(speech(), speech(shift=lag)) == pytest.approx(lag, abs=0.06)


def test_noise_does_not_move_the_lag() -> None:
    noisy = speech(shift=2) + np.random.default_rng(0).normal(0, 0.7, 300)
    assert lag_frames(speech(), noisy) == pytest.approx(2, abs=0.15)


def test_closures_are_the_stretches_of_pressed_lips() -> None:
    closing = np.array([1.0, 0.95, 0.2, 0.0, 0.91, 0.5, 0.9, 0.99, 1.0])
    assert closures(closing) == [(0, 2), (4, 5), (6, 9)]
    assert closures(np.zeros(5)) == []


def test_a_closure_counts_when_one_of_its_frames_is_shut() -> None:
    opening = np.array([2.0, 0.1, 3.0, 3.0, 2.0, 0.0, 1.0, 0.8, 0.9])
    assert num_closed([(0, 2), (4, 5), (6, 9)], opening, closed_below=0.5) == 1
    assert num_closed([(0, 2), (4, 5), (6, 9)], opening, closed_below=0.85) == 2
    assert num_closed([], opening, closed_below=0.5) == 0

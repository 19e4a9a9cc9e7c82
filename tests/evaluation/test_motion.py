"""Blinks of series whose answers are known."""

import numpy as np
import pytest

from evaluation.motion import blinks, per_minute


def test_blinks_are_counted_once_each() -> None:
    lids = [0, 0.3, 0.9, 1.0, 0.7, 0.2, 0.0, 0.65, 0.1, 0.5, 0.55, 0.0, 1.0]
    assert blinks(np.array(lids)) == 3


def test_lids_that_tremble_while_shut_do_not_blink_again() -> None:
    assert blinks(np.array([0, 0.8, 0.5, 0.8, 0.5, 0.8, 0.0])) == 1
    assert blinks(np.full(100, 0.45)) == 0


def test_a_rate_is_a_minute_s() -> None:
    assert per_minute(4, 250) == pytest.approx(24.0)

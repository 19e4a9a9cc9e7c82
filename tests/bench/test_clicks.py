"""Clicks are found where they are, and matched with when they were sent, however late and whatever was lost."""

import numpy as np
import pytest

from bench.clicks import CLICK_S, click_onsets, click_starts, matched, with_clicks
from contract.packets import VOICE_RATE_HZ

LENGTH = 30 * VOICE_RATE_HZ


def test_clicks_in_speech_are_found_to_the_millisecond() -> None:
    starts = click_starts(LENGTH)
    speech = np.random.default_rng(0).integers(-4900, 4900, LENGTH).astype(np.int16)
    onsets = click_onsets(with_clicks(speech, starts))
    assert len(onsets) == len(starts) >= 22
    assert max(abs(found - start) for found, start in zip(onsets, starts, strict=True)) < VOICE_RATE_HZ / 1000


def test_a_click_begins_anywhere_in_its_frame_and_none_runs_over_the_end() -> None:
    starts = click_starts(LENGTH, seed=3)
    places = np.array(starts) % 1920
    assert places.min() < 400 and places.max() > 1500
    assert starts[-1] + CLICK_S * VOICE_RATE_HZ < LENGTH
    assert click_starts(LENGTH, seed=3) == starts != click_starts(LENGTH, seed=4)


def test_silence_and_speech_hold_no_click() -> None:
    assert click_onsets(np.zeros(4800, np.int16)) == []
    assert click_onsets(np.full(4800, 4900, np.int16)) == []


@pytest.mark.parametrize("delay_s", [0.04, 0.35, 2.6])
def test_clicks_are_matched_at_any_delay_though_some_are_lost_and_some_are_none(delay_s: float) -> None:
    sent = np.array(click_starts(LENGTH)) / VOICE_RATE_HZ
    jitter = np.random.default_rng(1).uniform(-0.03, 0.03, len(sent))
    heard = sorted([*np.delete(sent + delay_s + jitter, [3, 9]), 7.77])
    pairs = dict(matched(sent.tolist(), heard))
    assert set(pairs) >= set(range(len(sent))) - {3, 9} and 3 not in pairs and 9 not in pairs
    assert all(abs(heard[j] - sent[i] - delay_s) < 0.05 for i, j in pairs.items())


def test_clocks_of_two_machines_may_differ_either_way() -> None:
    sent = np.array(click_starts(LENGTH)) / VOICE_RATE_HZ
    pairs = matched(sent.tolist(), (sent - 1.5).tolist(), least_s=-2.0)
    assert pairs == [(i, i) for i in range(len(sent))]
    assert matched([], [1.0]) == [] == matched([1.0], [])

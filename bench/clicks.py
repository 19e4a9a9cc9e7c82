"""Clicks: short loud tones at uneven intervals, found again in what comes back, and matched with when they were sent.

Uneven, so that there is one delay at which many of them coincide, even where it is longer than an interval; and
anywhere in the 40 ms of a frame, so that waiting for a frame's end is measured at its true share.
"""

from collections.abc import Sequence

import numpy as np

from contract.packets import VOICE_RATE_HZ, Int16Array

CLICK_S = 0.010
CLICK_TONE_HZ = 1000.0
CLICK_PEAK = 28_000
# Well above the speech around the clicks, well below what a coder leaves of them.
HEARD_LEVEL = 10_000
SHORTEST_INTERVAL_S, LONGEST_INTERVAL_S = 0.9, 1.3
# A click rings: what follows this soon belongs to the same.
SHORTEST_REST_S = 0.2
LARGEST_DELAY_S = 8.0
# Two delays that differ by less are the same delay.
TOLERANCE_S = 0.15


def click_starts(length_samples: int, seed: int = 0) -> list[int]:
    """First samples of the clicks in a sound of that length, which may be played again and again."""
    generator = np.random.default_rng(seed)
    starts: list[int] = []
    at_s = 0.5
    while (at_s + SHORTEST_INTERVAL_S) * VOICE_RATE_HZ < length_samples:
        starts.append(round(at_s * VOICE_RATE_HZ))
        at_s += generator.uniform(SHORTEST_INTERVAL_S, LONGEST_INTERVAL_S)
    return starts


def with_clicks(sound: Int16Array, starts: Sequence[int]) -> Int16Array:
    """The sound with a click in place of what was at each start. sound: [samples] int16 at 48 kHz."""
    tone = np.sin(2 * np.pi * CLICK_TONE_HZ * np.arange(round(CLICK_S * VOICE_RATE_HZ)) / VOICE_RATE_HZ)
    clicked = sound.copy()
    for start in starts:
        clicked[start : start + len(tone)] = np.round(CLICK_PEAK * tone)
    return clicked


def click_onsets(sound: Int16Array, level: int = HEARD_LEVEL) -> list[int]:
    """First samples of the clicks in a sound, [samples] int16 at 48 kHz."""
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > level)
    if not len(loud):
        return []
    begins = np.diff(loud, prepend=loud[0] - 2 * SHORTEST_REST_S * VOICE_RATE_HZ) > SHORTEST_REST_S * VOICE_RATE_HZ
    return [int(sample) for sample in loud[begins]]


def matched(sent_s: Sequence[float], found_s: Sequence[float], least_s: float = 0.0) -> list[tuple[int, int]]:
    """(number of the one sent, number of the one found) of clicks that are the same.

    The delay at which most coincide is taken for the right one, and around it each is matched with the nearest.

    least_s: delays are looked for from here to LARGEST_DELAY_S beyond; the clocks of the two may differ
    """
    if not len(sent_s) or not len(found_s):
        return []
    sent, found = np.asarray(sent_s, np.float64), np.asarray(found_s, np.float64)
    delays = (found[:, None] - sent[None, :]).ravel()
    delays = np.sort(delays[(delays >= least_s) & (delays <= least_s + LARGEST_DELAY_S)])
    if not len(delays):
        return []
    # The window of 2 x TOLERANCE_S that holds the most delays; its median is the delay.
    first = np.arange(len(delays))
    last = np.searchsorted(delays, delays + 2 * TOLERANCE_S, side="right")
    best = int(np.argmax(last - first))
    delay_s = float(np.median(delays[best : last[best]]))
    pairs = {}
    for i, at_s in enumerate(sent):
        j = int(np.argmin(np.abs(found - delay_s - at_s)))
        if abs(found[j] - delay_s - at_s) <= TOLERANCE_S:
            pairs[j] = i
    return sorted((i, j) for j, i in pairs.items())

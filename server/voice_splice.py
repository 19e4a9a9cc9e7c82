"""Shorter and longer sound, without a click and without another pitch.

Three ways, by how much must go: some samples of a chunk (`resampled`, against two clocks that drift apart), a stretch
of 10 to 20 ms out of speech (`shortened`, whole periods of a voice), a whole stretch of silence (`joined`).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from contract.packets import VOICE_RATE_HZ, Int16Array

FADE_SAMPLES = VOICE_RATE_HZ // 200
# Every voice of at least 50 Hz has a multiple of its period between these.
LEAST_CUT_SAMPLES = VOICE_RATE_HZ // 100
MOST_CUT_SAMPLES = VOICE_RATE_HZ // 50
_MATCH_SAMPLES = VOICE_RATE_HZ // 100
_RISING = ((np.arange(FADE_SAMPLES) + 0.5) / FADE_SAMPLES).astype(np.float32)
_FIRST_CUTS = (240, 720, 1200)


def resampled(sound: Int16Array, num_samples: int) -> Int16Array:
    """`num_samples` of a stretch of sound, evenly spaced in it, by polynomials of third degree.

    sound: [1 + length + 2] int16, with the sample before the stretch and the two after it. Where the next stretch
    begins at the sample that follows, nothing shows where they meet.
    """
    first, weights = _kernel(len(sound) - 3, num_samples)
    value = weights[0] * sound[first]
    for i in range(1, 4):
        value += weights[i] * sound[first + i]
    voice: Int16Array = value.round().clip(-32768, 32767).astype(np.int16)
    return voice


@cache
def _kernel(length: int, num_samples: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    at = np.arange(num_samples) * (length / num_samples)
    first = np.floor(at).astype(np.int64)
    t = at - first
    weights = np.stack(
        [
            -t * (t - 1) * (t - 2) / 6,
            (t + 1) * (t - 1) * (t - 2) / 2,
            -(t + 1) * t * (t - 2) / 2,
            (t + 1) * t * (t - 1) / 6,
        ]
    )
    return first, weights


def shortened(sound: Int16Array, num_samples: int) -> tuple[Int16Array, int]:
    """`num_samples` of a longer sound, a stretch like what follows it left out; and how many samples were.

    sound: [num_samples + MOST_CUT_SAMPLES] int16, num_samples at least 1680. The cut is where the sound is least loud
    and as long as makes both its sides alike, which for a voice is a whole number of periods: its pitch stays.
    """
    signal = sound.astype(np.float32)
    begin = min(_FIRST_CUTS, key=lambda first: float(np.square(signal[first : first + _MATCH_SAMPLES]).sum()))
    template = signal[begin : begin + _MATCH_SAMPLES]
    rest = signal[begin + LEAST_CUT_SAMPLES : begin + MOST_CUT_SAMPLES + _MATCH_SAMPLES]
    likeness = np.correlate(rest, template, "valid")
    energies = np.concatenate([[0.0], np.cumsum(np.square(rest, dtype=np.float64))])
    energies = energies[_MATCH_SAMPLES:] - energies[: len(energies) - _MATCH_SAMPLES]
    num_cut = LEAST_CUT_SAMPLES + int(np.argmax(likeness / np.sqrt(energies + 1.0)))
    return np.concatenate([sound[:begin], joined(sound[begin:], num_cut)])[:num_samples], num_cut


def joined(sound: Int16Array, num_cut: int) -> Int16Array:
    """A sound without its first `num_cut` samples, going over from them to what follows within 5 ms."""
    rest = sound[num_cut:].copy()
    length = min(FADE_SAMPLES, len(rest), len(sound))
    rising = _RISING[:length] if length == FADE_SAMPLES else (np.arange(length) + 0.5) / max(1, length)
    rest[:length] = np.round(sound[:length] * (1 - rising) + rest[:length] * rising).astype(np.int16)
    return rest

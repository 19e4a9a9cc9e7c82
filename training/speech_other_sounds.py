"""Sounds to which no mouth should move: silence, noise, breath, hum, taps, music of notes, chords and drums."""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from contract.packets import MODEL_RATE_HZ, Float32Array

FloatArray = NDArray[np.float64]

SILENCE_SHARE = 0.25
_SCALE_HZ = 110.0 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 19, 24]) / 12)
_POOL_S, _SLOPES = 40, (0.0, 0.5, 1.0, 1.5, 2.0)


def other_sound(num_samples: int, generator: np.random.Generator) -> Float32Array:
    """Draw one of them: [num_samples] float32 in [-1, 1], 16 kHz."""
    if generator.random() < SILENCE_SHARE:
        return np.zeros(num_samples, np.float32)
    kinds: tuple[Callable[[int, np.random.Generator], FloatArray], ...]
    kinds = (_swelling_noise, _breath, _hum, _taps, _plucked_notes, _chords_and_drums)
    sound = kinds[int(generator.integers(len(kinds)))](num_samples, generator)
    level = 10 ** generator.uniform(-2.3, -0.4)
    return np.clip(sound / (np.abs(sound).max() + 1e-9) * level, -1.0, 1.0).astype(np.float32)


def coloured_noise(num_samples: int, slope: float, generator: np.random.Generator) -> FloatArray:
    """Noise of about unit rms whose power falls as frequency ** -slope: 0 white, 1 pink, 2 brown.

    Cut from one of a few long recordings, since a fresh one costs as much as all else that is done to a sound.
    """
    pool = _noise_pool(_SLOPES[int(np.argmin(np.abs(np.array(_SLOPES) - slope)))])
    start = int(generator.integers(len(pool)))
    repeats = -(-(start + num_samples) // len(pool))
    return np.tile(pool, repeats)[start : start + num_samples] * (1.0 if generator.random() < 0.5 else -1.0)


@cache
def _noise_pool(slope: float) -> FloatArray:
    num_samples = _POOL_S * MODEL_RATE_HZ
    spectrum = np.fft.rfft(np.random.default_rng(int(10 * slope)).standard_normal(num_samples))
    hz = np.fft.rfftfreq(num_samples, 1 / MODEL_RATE_HZ)
    noise = np.fft.irfft(spectrum * np.maximum(hz, 30.0) ** (-slope / 2), num_samples)
    return noise / np.sqrt(np.mean(noise**2))


def _swelling_noise(num_samples: int, generator: np.random.Generator) -> FloatArray:
    times_s = np.arange(num_samples) / MODEL_RATE_HZ
    swell = 1.0 + 0.6 * np.sin(2 * np.pi * generator.uniform(0.05, 3.0) * times_s)
    return coloured_noise(num_samples, float(generator.uniform(0, 2)), generator) * swell


def _breath(num_samples: int, generator: np.random.Generator) -> FloatArray:
    """Air in and out, every 2 to 5 seconds: noise in one or two broad bands."""
    times_s = np.arange(num_samples) / MODEL_RATE_HZ
    period_s, phase = generator.uniform(2.0, 5.0), generator.uniform(0, 1)
    cycle = np.modf(times_s / period_s + phase)[0]
    flow = np.maximum(np.sin(2 * np.pi * cycle), 0) ** 2 + 0.6 * np.maximum(-np.sin(2 * np.pi * cycle), 0) ** 2
    spectrum = np.fft.rfft(coloured_noise(num_samples, 0.5, generator))
    hz = np.fft.rfftfreq(num_samples, 1 / MODEL_RATE_HZ)
    shape = np.zeros(len(hz))
    for middle_hz in (generator.uniform(400, 1200), generator.uniform(1500, 4000)):
        shape += generator.uniform(0.3, 1.0) * np.exp(-0.5 * (np.log2(np.maximum(hz, 20) / middle_hz) / 0.5) ** 2)
    return np.fft.irfft(spectrum * shape, num_samples) * flow


def _hum(num_samples: int, generator: np.random.Generator) -> FloatArray:
    """Mains hum and a fan."""
    times_s = np.arange(num_samples) / MODEL_RATE_HZ
    mains_hz = float(generator.choice((50.0, 60.0)))
    hum = sum(
        generator.uniform(0, 1) / n * np.sin(2 * np.pi * mains_hz * n * times_s + generator.uniform(0, 6))
        for n in range(1, 8)
    )
    return np.asarray(hum) + 0.3 * coloured_noise(num_samples, 1.5, generator)


def _taps(num_samples: int, generator: np.random.Generator) -> FloatArray:
    """Keys, clicks and knocks over quiet noise."""
    out = 0.02 * coloured_noise(num_samples, 1.0, generator)
    position = 0
    while True:
        position += int(MODEL_RATE_HZ * generator.exponential(0.25)) + 400
        if position >= num_samples:
            return out
        num_tap = min(int(MODEL_RATE_HZ * generator.uniform(0.01, 0.08)), num_samples - position)
        decay = np.exp(-6.0 * np.arange(num_tap) / num_tap)
        out[position : position + num_tap] += generator.uniform(0.2, 1.0) * decay * generator.standard_normal(num_tap)


def _plucked_notes(num_samples: int, generator: np.random.Generator) -> FloatArray:
    """Plucked notes of a scale, several at a time."""
    out = np.zeros(num_samples)
    position = 0
    while position < num_samples:
        num_note = min(int(MODEL_RATE_HZ * generator.uniform(0.3, 1.5)), num_samples - position)
        times_s = np.arange(num_note) / MODEL_RATE_HZ
        for frequency_hz in generator.choice(_SCALE_HZ, size=int(generator.integers(1, 4))):
            for harmonic in range(1, 5):
                out[position : position + num_note] += (
                    np.sin(2 * np.pi * frequency_hz * harmonic * times_s) * np.exp(-3.0 * harmonic * times_s) / harmonic
                )
        position += int(MODEL_RATE_HZ * generator.uniform(0.15, 0.6))
    return out


def _chords_and_drums(num_samples: int, generator: np.random.Generator) -> FloatArray:
    """Held chords that change with the bar, and a beat of kick and hiss."""
    out = np.zeros(num_samples)
    beat = int(MODEL_RATE_HZ * 60 / generator.uniform(70, 150))
    drums = generator.uniform(0, 1.2)
    for bar in range(0, num_samples, 4 * beat):
        times_s = np.arange(min(4 * beat, num_samples - bar)) / MODEL_RATE_HZ
        edges = np.minimum(1.0, np.minimum(times_s, times_s[::-1]) / 0.04)
        root_hz = generator.choice(_SCALE_HZ[:8])
        for ratio in (1.0, 1.25 if generator.random() < 0.5 else 1.2, 1.5, 2.0):
            for harmonic in range(1, 6):
                wave = np.sin(2 * np.pi * root_hz * ratio * harmonic * times_s + generator.uniform(0, 6))
                out[bar : bar + len(times_s)] += 0.3 * edges * wave / harmonic**1.3
    for number, start in enumerate(range(0, num_samples, max(1, beat // 2))):
        times_s = np.arange(min(beat // 2, num_samples - start)) / MODEL_RATE_HZ
        if number % 4 == 0:
            hit = 1.5 * np.sin(2 * np.pi * 55 * times_s) * np.exp(-12 * times_s)
        else:
            hit = 0.5 * generator.standard_normal(len(times_s)) * np.exp(-(20 if number % 4 == 2 else 60) * times_s)
        out[start : start + len(times_s)] += drums * hit
    return out

"""Sound as a microphone in a room would hear it; nothing is moved in time."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from contract.packets import MODEL_RATE_HZ, Float32Array

FloatArray = NDArray[np.float64]


def augment(pcm: Float32Array, generator: np.random.Generator) -> Float32Array:
    """Change level, band, room and noise by chance, each in some of the calls.

    pcm: [n] float32 in [-1, 1], 16 kHz
    returns [n] float32 in [-1, 1]; each sound stays at its sample to within 1 ms
    """
    out = pcm.astype(np.float64)
    if generator.random() < 0.35:
        out = echoed(out, generator)
    if generator.random() < 0.35:
        out = band_limited(out, float(generator.uniform(40, 300)), float(generator.uniform(3000, 7500)))
    if generator.random() < 0.3:
        out = tilted(out, float(generator.uniform(-6, 6)))
    if generator.random() < 0.7:
        out = out + _noise_for(out, float(generator.uniform(10, 40)), generator)
    out = out * 10 ** (generator.uniform(-20, 6) / 20)
    if generator.random() < 0.1:
        # An overdriven microphone flattens the loudest parts.
        limit = float(np.percentile(np.abs(out), generator.uniform(98, 99.8))) + 1e-4
        out = np.clip(out, -limit, limit)
    return np.clip(out, -1.0, 1.0).astype(np.float32)


def band_limited(pcm: FloatArray, low_hz: float, high_hz: float) -> FloatArray:
    """Pass a band with soft edges and without delay."""
    return _filtered(pcm, lambda hz: 1.0 / (1.0 + (low_hz / np.maximum(hz, 1.0)) ** 4) / (1.0 + (hz / high_hz) ** 8))


def tilted(pcm: FloatArray, db_per_octave_from_1khz: float) -> FloatArray:
    """Brighten or dull the sound by up to the given slope over one octave either side of 1 kHz."""
    return _filtered(
        pcm, lambda hz: 10 ** (db_per_octave_from_1khz * np.clip(np.log2(np.maximum(hz, 1.0) / 1000.0), -1, 1) / 20)
    )


def echoed(pcm: FloatArray, generator: np.random.Generator) -> FloatArray:
    """Add a decaying random tail behind the direct sound, which keeps its place."""
    num_taps = int(MODEL_RATE_HZ * generator.uniform(0.05, 0.3))
    times = np.arange(num_taps) / num_taps
    tail = generator.standard_normal(num_taps) * np.exp(-6.9 * times)
    tail[: MODEL_RATE_HZ // 500] = 0.0
    tail *= generator.uniform(0.1, 0.6) / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    num_padded = len(pcm) + num_taps
    return np.fft.irfft(np.fft.rfft(pcm, num_padded) * np.fft.rfft(tail, num_padded), num_padded)[: len(pcm)]


def coloured_noise(num_samples: int, slope: float, generator: np.random.Generator) -> FloatArray:
    """Noise of unit rms whose power falls as frequency ** -slope: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(generator.standard_normal(num_samples))
    hz = np.fft.rfftfreq(num_samples, 1 / MODEL_RATE_HZ)
    noise = np.fft.irfft(spectrum * np.maximum(hz, 30.0) ** (-slope / 2), num_samples)
    return noise / (np.sqrt(np.mean(noise**2)) + 1e-12)


def _noise_for(pcm: FloatArray, snr_db: float, generator: np.random.Generator) -> FloatArray:
    heard = np.abs(pcm) > 1e-3
    # A silent clip is given the noise of a quiet room.
    level = np.sqrt(np.mean(pcm[heard] ** 2)) if heard.any() else 0.05
    return coloured_noise(len(pcm), float(generator.uniform(0, 2)), generator) * level * 10 ** (-snr_db / 20)


def _filtered(pcm: FloatArray, gain_of_hz: Callable[[FloatArray], FloatArray]) -> FloatArray:
    num_padded = len(pcm) + MODEL_RATE_HZ // 4
    gain = gain_of_hz(np.fft.rfftfreq(num_padded, 1 / MODEL_RATE_HZ).astype(np.float64))
    return np.fft.irfft(np.fft.rfft(pcm, num_padded) * gain, num_padded)[: len(pcm)]

"""Sound as a microphone in a room would hear it and a line would carry it; nothing is moved in time."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from contract.packets import MODEL_RATE_HZ, Float32Array
from training.speech_other_sounds import coloured_noise

FloatArray = NDArray[np.float32]

_CODED_SAMPLES = 320  # 20 ms, as speech codecs cut it
_TELEPHONE_HZ = (300.0, 3400.0)
_MU = 255.0


def augment(pcm: Float32Array, generator: np.random.Generator) -> Float32Array:
    """Change level, band, room, noise and coding by chance, each in some of the calls.

    pcm: [n] float32 in [-1, 1], 16 kHz
    returns [n] float32 in [-1, 1]; each sound stays at its sample to within 1 ms
    """
    out = pcm.astype(np.float32)
    if generator.random() < 0.35:
        out = echoed(out, generator)
    kind = generator.random()
    if kind < 0.3:
        out = band_limited(out, float(generator.uniform(40, 300)), float(generator.uniform(3000, 7500)))
    elif kind < 0.4:
        out = telephone(out)
    elif kind < 0.6:
        out = tilted(out, float(generator.uniform(-6, 6)))
    if generator.random() < 0.7:
        out = out + _noise_for(out, float(generator.uniform(8, 40)), generator)
    if generator.random() < 0.12:
        # An overdriven microphone flattens the loudest parts.
        limit = float(np.quantile(np.abs(out[::4]), generator.uniform(0.98, 0.998))) + 1e-4
        out = np.clip(out, -limit, limit)
    if generator.random() < 0.2:
        out = coded(out, float(generator.uniform(2.0, 6.0)))
    out = out * np.float32(10 ** (generator.uniform(-22, 8) / 20))
    return np.clip(out, -1.0, 1.0).astype(np.float32)


def band_limited(pcm: FloatArray, low_hz: float, high_hz: float) -> FloatArray:
    """Pass a band with soft edges and without delay."""
    return _filtered(pcm, lambda hz: 1.0 / (1.0 + (low_hz / np.maximum(hz, 1.0)) ** 4) / (1.0 + (hz / high_hz) ** 8))


def telephone(pcm: FloatArray) -> FloatArray:
    """A telephone's band, in the steps of its eight bits (mu-law)."""
    narrow = band_limited(pcm, *_TELEPHONE_HZ)
    loudest = np.abs(narrow).max() + 1e-6
    steps = np.round(127 * np.log1p(_MU * np.abs(narrow) / loudest) / np.log1p(_MU))
    return (np.sign(narrow) * loudest * np.expm1(steps / 127 * np.log1p(_MU)) / _MU).astype(np.float32)


def tilted(pcm: FloatArray, db_per_octave_from_1khz: float) -> FloatArray:
    """Brighten or dull the sound by up to the given slope over one octave either side of 1 kHz."""
    return _filtered(
        pcm, lambda hz: 10 ** (db_per_octave_from_1khz * np.clip(np.log2(np.maximum(hz, 1.0) / 1000.0), -1, 1) / 20)
    )


def echoed(pcm: FloatArray, generator: np.random.Generator) -> FloatArray:
    """Add a decaying random tail behind the direct sound, which keeps its place."""
    num_taps = int(MODEL_RATE_HZ * generator.uniform(0.05, 0.3))
    times = np.arange(num_taps, dtype=np.float32) / num_taps
    tail = generator.standard_normal(num_taps, np.float32) * np.exp(-6.9 * times)
    tail[: MODEL_RATE_HZ // 500] = 0.0
    tail *= generator.uniform(0.1, 0.6) / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    num_padded = _fast_length(len(pcm) + num_taps)
    out = np.fft.irfft(np.fft.rfft(pcm, num_padded) * np.fft.rfft(tail, num_padded), num_padded)
    return out[: len(pcm)].astype(np.float32)


def coded(pcm: FloatArray, step_db: float) -> FloatArray:
    """What a codec of few bits does: of each 20 ms, bins rounded to coarse levels, and the faintest left out."""
    hop = _CODED_SAMPLES // 2
    num_blocks = -(-len(pcm) // hop) + 1
    padded = np.zeros((num_blocks + 1) * hop, np.float32)
    padded[hop : hop + len(pcm)] = pcm
    window = np.sin(np.pi * (np.arange(_CODED_SAMPLES, dtype=np.float32) + 0.5) / _CODED_SAMPLES)
    halves = padded.reshape(-1, hop)
    spectrum = np.fft.rfft(np.concatenate([halves[:-1], halves[1:]], 1) * window)
    magnitude = np.abs(spectrum) + 1e-9
    levels = 10 ** (step_db / 20 * np.round(20 / step_db * np.log10(magnitude)))
    # A bin is dropped where it lies far below the loudest of its moment.
    kept = magnitude > 0.012 * magnitude.max(1, keepdims=True)
    blocks = np.fft.irfft(spectrum * (levels / magnitude * kept), _CODED_SAMPLES) * window
    out = np.zeros_like(halves)
    out[:-1] += blocks[:, :hop]
    out[1:] += blocks[:, hop:]
    return out.reshape(-1)[hop : hop + len(pcm)].astype(np.float32)


def _noise_for(pcm: FloatArray, snr_db: float, generator: np.random.Generator) -> FloatArray:
    heard = np.abs(pcm) > 1e-3
    # A silent clip is given the noise of a quiet room.
    level = float(np.sqrt(np.mean(pcm[heard] ** 2))) if heard.any() else 0.05
    noise = coloured_noise(len(pcm), float(generator.uniform(0, 2)), generator)
    return (noise * (level * 10 ** (-snr_db / 20))).astype(np.float32)


def _filtered(pcm: FloatArray, gain_of_hz: Callable[[FloatArray], NDArray[np.floating]]) -> FloatArray:
    num_padded = _fast_length(len(pcm) + MODEL_RATE_HZ // 4)
    gain = gain_of_hz(np.fft.rfftfreq(num_padded, 1 / MODEL_RATE_HZ).astype(np.float32)).astype(np.float32)
    return np.fft.irfft(np.fft.rfft(pcm, num_padded) * gain, num_padded)[: len(pcm)].astype(np.float32)


def _fast_length(least: int) -> int:
    """The smallest length from `least` on with no prime factor above 5, which Fourier transforms like."""
    best = 1 << (least - 1).bit_length()
    for threes in (1, 3, 9, 27):
        for fives in (1, 5, 25):
            factor = threes * fives
            best = min(best, factor << max(0, (-(-least // factor) - 1).bit_length()))
    return best

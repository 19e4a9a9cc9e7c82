"""Augmented sound is changed, in range, and at the same time."""

import numpy as np
import pytest

from contract.packets import MODEL_RATE_HZ
from training.speech_augment import augment, band_limited, echoed
from training.speech_other_sounds import coloured_noise

NUM_SAMPLES = 3 * MODEL_RATE_HZ


def bursts() -> np.ndarray:
    """Short hisses at uneven times."""
    generator = np.random.default_rng(1)
    pcm = np.zeros(NUM_SAMPLES, np.float32)
    for start_s in (0.31, 0.77, 1.4, 2.03, 2.6):
        start = int(start_s * MODEL_RATE_HZ)
        pcm[start : start + 1600] = 0.3 * generator.standard_normal(1600)
    return np.clip(pcm, -1, 1)


def lag_samples(first: np.ndarray, second: np.ndarray) -> int:
    spectrum = np.fft.rfft(second, 2 * NUM_SAMPLES) * np.conj(np.fft.rfft(first, 2 * NUM_SAMPLES))
    lag = int(np.argmax(np.fft.irfft(spectrum)))
    return lag if lag < NUM_SAMPLES else lag - 2 * NUM_SAMPLES


@pytest.mark.parametrize("seed", range(25))
def test_nothing_moves_in_time(seed: int):
    pcm = bursts()
    out = augment(pcm, np.random.default_rng(seed))
    assert out.shape == pcm.shape and out.dtype == np.float32
    assert np.isfinite(out).all() and np.abs(out).max() <= 1.0
    assert abs(lag_samples(pcm, out)) <= MODEL_RATE_HZ // 1000


def test_the_input_is_left_alone_and_the_seed_decides():
    pcm = bursts()
    kept = pcm.copy()
    first = augment(pcm, np.random.default_rng(4))
    assert np.array_equal(pcm, kept)
    assert np.array_equal(first, augment(pcm, np.random.default_rng(4)))
    assert not np.array_equal(first, augment(pcm, np.random.default_rng(5)))


def test_silence_becomes_at_most_quiet_noise():
    for seed in range(10):
        assert np.abs(augment(np.zeros(NUM_SAMPLES, np.float32), np.random.default_rng(seed))).max() < 0.25


def test_a_band_keeps_its_middle_and_drops_the_rest():
    seconds = np.arange(NUM_SAMPLES) / MODEL_RATE_HZ

    def kept(frequency_hz: float) -> float:
        out = band_limited(np.sin(2 * np.pi * frequency_hz * seconds), 200, 4000)
        return float(np.abs(out[MODEL_RATE_HZ : 2 * MODEL_RATE_HZ]).max())

    assert kept(1000) == pytest.approx(1.0, abs=0.02)
    assert kept(50) < 0.05 and kept(7000) < 0.05


def test_an_echo_follows_its_sound():
    click = np.zeros(NUM_SAMPLES, np.float32)
    click[8000] = 1.0
    out = echoed(click, np.random.default_rng(2))
    assert np.abs(out[:8000]).max() < 1e-6
    assert out[8000] == pytest.approx(1.0)
    assert np.abs(out[8032:13000]).max() > 0.001


def test_brown_noise_is_darker_than_white():
    def brightness(slope: float) -> float:
        power = np.abs(np.fft.rfft(coloured_noise(NUM_SAMPLES, slope, np.random.default_rng(0)))) ** 2
        return float(power[len(power) // 2 :].sum() / power.sum())

    assert brightness(0) == pytest.approx(0.5, abs=0.02)
    assert brightness(2) < 0.05

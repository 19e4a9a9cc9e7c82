"""Sounds that nobody speaks: heard, in range, of many kinds."""

import numpy as np
import pytest

from contract.packets import MODEL_RATE_HZ
from training.speech_other_sounds import coloured_noise, other_sound

NUM_SAMPLES = 4 * MODEL_RATE_HZ


def test_sounds_are_in_range_and_some_are_silence():
    sounds = [other_sound(NUM_SAMPLES, np.random.default_rng(seed)) for seed in range(40)]
    for sound in sounds:
        assert sound.shape == (NUM_SAMPLES,) and sound.dtype == np.float32
        assert np.isfinite(sound).all() and np.abs(sound).max() <= 1.0
    silent = [not sound.any() for sound in sounds]
    assert 3 <= sum(silent) <= 18
    loud = [float(np.abs(sound).max()) for sound, none in zip(sounds, silent, strict=True) if not none]
    assert min(loud) < 0.03 and max(loud) > 0.15


def test_the_seed_decides():
    assert np.array_equal(
        other_sound(NUM_SAMPLES, np.random.default_rng(7)), other_sound(NUM_SAMPLES, np.random.default_rng(7))
    )


@pytest.mark.parametrize("num_samples", [100, 900_000])
def test_noise_of_any_length_has_unit_rms(num_samples: int):
    noise = coloured_noise(num_samples, 0.0, np.random.default_rng(0))
    assert noise.shape == (num_samples,)
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1.0, abs=0.25)

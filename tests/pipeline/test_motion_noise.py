"""Noise that belongs to frames, and less of it along chosen directions."""

from dataclasses import replace

import numpy as np
import pytest

from contract.errors import BundleError
from contract.packets import ConditionedFrame
from pipeline.avatar import NeuralAvatar, StreamSettings
from pipeline.motion_noise import NoiseScale, frame_noise
from pipeline.motion_sampler import MotionSampler
from pipeline.predicted_emotion import emotion_vector
from tests.fakes import TINY_SPEC, constant_field, fake_engines, noise_chunks

LATENT = TINY_SPEC.latent_dim
BASIS = np.linalg.qr(np.random.default_rng(0).standard_normal((LATENT, 4)))[0].astype(np.float32)


def test_noise_is_normal_and_its_rows_independent() -> None:
    noise = frame_noise(5, 0, 2000, 64)
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1) < 0.01
    assert abs(np.mean(noise[:-1] * noise[1:])) < 0.01
    np.testing.assert_array_equal(frame_noise(5, 700, 3, 64), noise[700:703])


def test_coefficients_are_scaled_and_all_else_stays() -> None:
    noise = frame_noise(0, 0, 50, LATENT)
    scaled = NoiseScale((1.0, 0.5, 0.0), BASIS).apply(noise)
    np.testing.assert_allclose(scaled @ BASIS, noise @ BASIS * [1, 0.5, 0, 1], atol=1e-6)
    outside = np.eye(LATENT) - BASIS @ BASIS.T
    np.testing.assert_allclose(scaled @ outside, noise @ outside, atol=1e-6)


def test_without_scales_noise_is_the_same_array() -> None:
    noise = frame_noise(0, 0, 5, LATENT)
    assert NoiseScale().apply(noise) is noise
    assert NoiseScale((1.0, 1.0), None).apply(noise) is noise


def test_scales_without_a_basis_are_refused_when_the_avatar_is_made() -> None:
    spec = replace(TINY_SPEC, noise_scales=(0.5,))
    with pytest.raises(BundleError, match="noise_scales and no motion_basis"):
        NeuralAvatar(spec, fake_engines(spec))
    NeuralAvatar(spec, fake_engines(spec), BASIS)


def test_a_stream_starts_from_the_scaled_noise() -> None:
    spec = replace(TINY_SPEC, noise_scales=(0.0, 1.0, 0.5))
    engine = constant_field(np.zeros(LATENT, np.float32))
    sampler = MotionSampler(
        engine.bind(reference_motion=np.zeros((1, LATENT), np.float32)),
        spec,
        StreamSettings(5, 2).window(spec),
        seed=4,
        noise_scale=NoiseScale(spec.noise_scales, BASIS),
    )
    features, emotion = np.zeros(spec.audio_feature_dim, np.float32), emotion_vector("neutral")
    given = [ConditionedFrame(chunk, features, emotion) for chunk in noise_chunks(12)]
    frames = [drawn for frame in given for drawn in sampler.push(frame)]
    drawn = np.stack([frame.motion_latent for frame in frames])
    np.testing.assert_allclose(drawn @ BASIS, frame_noise(4, 0, len(drawn), LATENT) @ BASIS * [0, 1, 0.5, 1], atol=1e-5)

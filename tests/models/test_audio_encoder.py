"""The embedded audio encoder: a fixed stretch of sound a feature, so that streams and clips agree."""

import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from contract.packets import SAMPLES_PER_FRAME
from models.audio_encoder import (
    EMBEDDED_AUDIO,
    LogMel,
    MelAudioEncoder,
    SoundStatistics,
    Wav2Vec2AudioEncoder,
    mel_bands,
    normalise,
)


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return MelAudioEncoder(EMBEDDED_AUDIO).eval()


@torch.inference_mode()
def test_frame_by_frame_equals_the_whole_clip(encoder):
    pcm = torch.randn(1, 20 * SAMPLES_PER_FRAME, generator=torch.Generator().manual_seed(1)) * 0.1
    whole = encoder.whole_clip(pcm)
    assert whole.shape == (1, 20, 64)
    padded = torch.nn.functional.pad(pcm, (8 * SAMPLES_PER_FRAME, 2 * SAMPLES_PER_FRAME))
    calls = [padded[:, i * SAMPLES_PER_FRAME : (i + 11) * SAMPLES_PER_FRAME] for i in range(20)]
    assert (torch.cat([encoder(call) for call in calls], 1) - whole).abs().max() < 1e-5


@torch.inference_mode()
def test_a_feature_hears_its_stretch_and_nothing_else(encoder):
    pcm = torch.randn(1, 30 * SAMPLES_PER_FRAME, generator=torch.Generator().manual_seed(2)) * 0.1
    before = encoder.whole_clip(pcm)
    changed = pcm.clone()
    changed[:, 15 * SAMPLES_PER_FRAME : 16 * SAMPLES_PER_FRAME] *= -0.5
    difference = (encoder.whole_clip(changed) - before).abs().amax(-1)[0]
    heard = (difference > 1e-4).nonzero().flatten().tolist()
    # Two frames ahead of the change, eight behind it.
    assert set(heard) <= set(range(13, 24)) and {14, 15, 16} <= set(heard)


def test_log_mel_rises_in_the_band_of_a_tone():
    time = torch.arange(16000) / 16000
    log_mel = LogMel(48)(torch.sin(2 * torch.pi * 1000 * time)[None] * 0.1)
    assert log_mel.shape == (1, 48, 98)
    loudest = int(log_mel[0, :, 50].argmax())
    centre_hz = (mel_bands(48)[loudest] * torch.arange(201) * 40).sum()
    assert abs(float(centre_hz) - 1000) < 120


def test_silence_is_finite_and_low():
    silent, loud = LogMel(48)(torch.zeros(1, 4000)), LogMel(48)(torch.randn(1, 4000) * 0.1)
    assert torch.isfinite(silent).all() and silent.max() < loud.min()


@pytest.fixture(scope="module")
def small_wav2vec2():
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, conv_dim=(16,) * 7
    )
    return Wav2Vec2AudioEncoder(Wav2Vec2Model(config), audio_feature_dim=6).eval()


def statistics_of(pcm):
    windows = pcm.double().unfold(1, 10, 5)  # [B, windows, 10]
    mean = windows.mean(1)
    centred = windows - mean[:, None]
    covariance = centred.mT @ centred / windows.shape[1]
    return SoundStatistics(mean.float(), torch.linalg.cholesky(covariance).float())


@torch.inference_mode()
def test_told_its_own_statistics_wav2vec2_gives_the_features_that_it_gives_untold(small_wav2vec2):
    pcm = normalise(torch.randn(3, 20 * SAMPLES_PER_FRAME, generator=torch.Generator().manual_seed(3)))
    untold, told = small_wav2vec2(pcm), small_wav2vec2(pcm, statistics_of(pcm))
    assert untold.shape == (3, 20, 6)
    assert (untold - told).abs().max() < 1e-5


@torch.inference_mode()
def test_told_the_statistics_of_the_whole_a_part_is_convolved_as_in_the_whole(small_wav2vec2):
    pcm = normalise(torch.randn(1, 20 * SAMPLES_PER_FRAME, generator=torch.Generator().manual_seed(4)))
    pcm[:, : 10 * SAMPLES_PER_FRAME] *= 3
    statistics, part = statistics_of(pcm), pcm[:, 10 * SAMPLES_PER_FRAME :]
    whole = small_wav2vec2._convolved(pcm, None)
    assert (small_wav2vec2._convolved(part, statistics) - whole[:, :, 20:]).abs().max() < 1e-4
    assert (small_wav2vec2._convolved(part, None) - whole[:, :, 20:]).abs().max() > 1e-2

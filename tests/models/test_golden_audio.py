"""FLOAT's audio encoder gives the released program's features, through the installed transformers."""

import json

import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from models.audio_encoder import Wav2Vec2AudioEncoder, normalise, pad_to_frames
from tests.golden import FOLDER, arrays, fill, relative_error, weights

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def encoder():
    return fill(Wav2Vec2AudioEncoder(Wav2Vec2Model(Wav2Vec2Config())), "audio_encoder.")


@torch.inference_mode()
def test_layers_and_features(encoder):
    golden = arrays("audio")
    pcm = pad_to_frames(normalise(torch.from_numpy(weights.waveform())[None]))
    assert pcm.shape == (1, 38400)
    layers = encoder.hidden_layers(pcm)
    assert len(layers) == 12
    assert relative_error(layers[0][0, :, ::16], golden["hidden_first"]) < TOLERANCE
    assert relative_error(layers[-1][0, :, ::16], golden["hidden_last"]) < TOLERANCE
    assert relative_error(encoder(pcm), golden["wa"]) < TOLERANCE


def test_projection_has_the_checkpoints_names(encoder):
    names = json.loads((FOLDER / "state_dict.json").read_text())["parameters"]
    ours = {f"audio_encoder.{name}": list(p.shape) for name, p in encoder.named_parameters() if "wav2vec2" not in name}
    assert ours == {name: shape for name, shape in names.items() if name.startswith("audio_encoder.")}


def test_normalise_removes_mean_and_scale():
    pcm = torch.randn(2, 16000, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.1
    assert torch.allclose(normalise(pcm).mean(1), torch.zeros(2), atol=1e-5)
    assert torch.allclose(normalise(pcm).std(1), torch.ones(2), atol=1e-3)


def test_padding_repeats_the_last_sample():
    padded = pad_to_frames(torch.arange(641.0)[None])
    assert padded.shape == (1, 1280) and (padded[0, 641:] == 640).all()
    assert pad_to_frames(torch.zeros(1, 1280)).shape == (1, 1280)

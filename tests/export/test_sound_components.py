"""The components that hear: their files give their modules' numbers for any length of sound."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import Wav2Vec2Config, Wav2Vec2Model

from contract.spec import AvatarSpec, ComponentName
from engines.registry import open_engine
from export.components import EmotionClassifierComponent, Wav2Vec2AudioEncoderComponent
from export.to_onnx import example_inputs, export_component, parity_error
from models.audio_encoder import Wav2Vec2AudioEncoder
from models.emotion_classifier import EmotionClassifier
from tests.golden import relative_error

SPEC = AvatarSpec(16, 8, 4, 6, (3, 2), audio_statistics=True)


def wav2vec2() -> Wav2Vec2Model:
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, conv_dim=(16,) * 7
    )
    model: Wav2Vec2Model = Wav2Vec2Model(config).eval()
    return model


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("audio_encoder", Wav2Vec2AudioEncoderComponent(Wav2Vec2AudioEncoder(wav2vec2(), SPEC.audio_feature_dim))),
        ("emotion_classifier", EmotionClassifierComponent(EmotionClassifier(wav2vec2()))),
    ],
)
def test_the_file_holds_at_other_batches_and_lengths(
    name: ComponentName, module: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    module, signature, path = module.eval(), SPEC.signature(name), tmp_path / f"{name}.onnx"
    assert export_component(module, signature, path) <= 1e-4
    openvino = open_engine("openvino", path, signature, "float32", 1)
    for batch, frames in ((1, 1), (1, 60), (3, 25)):
        inputs = example_inputs(signature, batch, frames, seed=2)
        assert parity_error(module, signature, path, inputs) <= 1e-4, (batch, frames)
        with torch.inference_mode():
            expected = module(*map(torch.from_numpy, inputs.values())).numpy()
        (found,) = openvino.run(**inputs).values()
        assert relative_error(found, expected) <= 1e-4, (batch, frames)
    openvino.close()


def test_the_classifier_hears_sound_that_is_no_whole_number_of_frames(tmp_path: Path) -> None:
    module = EmotionClassifierComponent(EmotionClassifier(wav2vec2())).eval()
    signature, path = SPEC.signature("emotion_classifier"), tmp_path / "emotion_classifier.onnx"
    export_component(module, signature, path)
    sound = np.random.default_rng(0).standard_normal((1, 16_001)).astype(np.float32)
    assert parity_error(module, signature, path, {"pcm": sound}) <= 1e-4
    # Loudness and offset of a microphone say nothing about an emotion.
    assert torch.allclose(module(torch.from_numpy(sound)), module(torch.from_numpy(0.1 * sound + 0.2)), atol=1e-4)

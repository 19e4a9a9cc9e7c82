"""The emotion classifier agrees with transformers' own parts on random weights."""

import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from models.emotion_classifier import EmotionClassifier


def small_wav2vec2(is_stable=False):
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(16,) * 7,
        do_stable_layer_norm=is_stable,
        feat_extract_norm="layer" if is_stable else "group",
        add_adapter=is_stable,
    )
    return Wav2Vec2Model(config).eval()


@torch.inference_mode()
@pytest.mark.parametrize("mode", ["mean", "sum", "max"])
@pytest.mark.parametrize("is_stable", [False, True])
def test_probabilities(mode, is_stable):
    wav2vec2 = small_wav2vec2(is_stable)
    classifier = EmotionClassifier(wav2vec2, mode).eval()
    pcm = torch.randn(2, 8000, generator=torch.Generator().manual_seed(1))
    hidden = wav2vec2(pcm).last_hidden_state
    pooled = {"mean": hidden.mean(1), "sum": hidden.sum(1), "max": hidden.amax(1)}[mode]
    dense, out = classifier.classifier.dense, classifier.classifier.out_proj
    expected = torch.softmax(out(torch.tanh(dense(pooled))), -1)
    got = classifier(pcm)
    assert got.shape == (2, 7)
    assert torch.allclose(got, expected, atol=1e-6)
    assert torch.allclose(got.sum(1), torch.ones(2))


def test_names_are_the_published_folders():
    names = {name for name, _ in EmotionClassifier(small_wav2vec2()).named_parameters()}
    assert {"classifier.dense.weight", "classifier.dense.bias", "classifier.out_proj.weight"} <= names
    assert all(name.startswith(("wav2vec2.", "classifier.")) for name in names)

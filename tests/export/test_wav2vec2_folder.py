"""A published folder's sizes are believed as far as they make a model of the kind that is needed."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import Wav2Vec2Config

from contract.errors import BundleError
from export.wav2vec2_folder import read_config, read_config_like, read_pooling_mode, read_wav2vec2, weights_path


def write_config(folder: Path, values: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(values if isinstance(values, str) else json.dumps(values))
    return folder


def test_the_published_base_model_is_recognised(tmp_path: Path) -> None:
    # As older programs wrote it, with much that is about training.
    values = {
        "architectures": ["Wav2Vec2ForCTC"],
        "model_type": "wav2vec2",
        "hidden_size": 768,
        "conv_bias": False,
        "feat_extract_norm": "group",
        "do_stable_layer_norm": False,
        "mask_time_prob": 0.05,
        "ctc_loss_reduction": "sum",
        "vocab_size": 32,
        "transformers_version": "4.7.0.dev0",
    }
    config = read_config_like(write_config(tmp_path / "base", values), Wav2Vec2Config())
    assert (config.hidden_size, config.num_hidden_layers) == (768, 12)
    # So that no parameter is made that only training reads.
    assert config.mask_time_prob == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "holds list, expected an object"),
        ({"model_type": "hubert"}, "describes a 'hubert' model, expected 'wav2vec2'"),
        ({"hidden_size": "wide"}, "describes no wav2vec2 model: .*hidden_size"),
        ({"hidden_size": -3}, "describes no wav2vec2 model"),
        ({"num_attention_heads": 7}, "describes no wav2vec2 model"),
        ({"hidden_act": "unheard"}, "describes no wav2vec2 model"),
        ({"conv_dim": [1]}, "describes no wav2vec2 model"),
    ],
)
def test_sizes_that_make_no_model_are_refused(tmp_path: Path, values: object, message: str) -> None:
    with pytest.raises(BundleError, match=rf"config\.json.*{message}"):
        read_config(write_config(tmp_path / "folder", values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_size": 1024, "num_attention_heads": 16}, "hidden_size is 1024, expected 768"),
        ({"feat_extract_norm": "layer"}, "feat_extract_norm is 'layer', expected 'group'"),
        ({"conv_bias": True}, "conv_bias is True, expected False"),
        ({"num_hidden_layers": 6}, "num_hidden_layers is 6, expected 12"),
    ],
)
def test_another_wav2vec2_is_not_the_base_one(tmp_path: Path, values: object, message: str) -> None:
    with pytest.raises(BundleError, match=rf"config\.json: {message}"):
        read_config_like(write_config(tmp_path / "folder", values), Wav2Vec2Config())


def test_a_folder_that_is_missing_or_lacks_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"config\.json can't be read"):
        read_config(tmp_path / "nowhere")
    with pytest.raises(BundleError, match="nowhere is no folder"):
        weights_path(tmp_path / "nowhere")
    with pytest.raises(BundleError, match=r"has no weights, expected model\.safetensors or pytorch_model\.bin"):
        weights_path(write_config(tmp_path / "folder", {}))


def test_labels_in_another_order_are_refused(tmp_path: Path) -> None:
    names = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprised"]
    labels: dict[str, Any] = {str(number): name for number, name in enumerate(names)}
    assert read_pooling_mode(write_config(tmp_path / "a", {"id2label": labels, "pooling_mode": "max"})) == "max"
    assert read_pooling_mode(write_config(tmp_path / "b", {"id2label": {"0": "LABEL_0"}})) == "mean"
    labels |= {"3": "neutral", "4": "happy"}
    with pytest.raises(BundleError, match=r"label 3 is 'neutral', expected 'happy'"):
        read_pooling_mode(write_config(tmp_path / "c", {"id2label": labels}))
    with pytest.raises(BundleError, match="pooling_mode 'attention', expected one of mean, sum, max"):
        read_pooling_mode(write_config(tmp_path / "d", {"pooling_mode": "attention"}))
    with pytest.raises(BundleError, match="id2label is list"):
        read_pooling_mode(write_config(tmp_path / "e", {"id2label": names}))


def test_a_model_saved_without_a_head_gets_the_same_names(tmp_path: Path) -> None:
    save_file({"encoder.layer_norm.bias": torch.zeros(3)}, tmp_path / "model.safetensors")
    assert list(read_wav2vec2(tmp_path / "model.safetensors")) == ["wav2vec2.encoder.layer_norm.bias"]
    torch.save({"wav2vec2.a": torch.zeros(3), "lm_head.bias": torch.zeros(3)}, tmp_path / "pytorch_model.bin")
    assert list(read_wav2vec2(tmp_path / "pytorch_model.bin")) == ["wav2vec2.a", "lm_head.bias"]

"""A published wav2vec2 folder: its sizes from config.json, its weights under this project's names.

In:  a folder with config.json, and model.safetensors or pytorch_model.bin
Out: a configuration of `transformers`, tensors by name
"""

import json
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor
from transformers import Wav2Vec2Config, Wav2Vec2Model

from contract.errors import BundleError
from contract.spec import EMOTIONS
from export.tensor_file import read_tensors

CONFIG_NAME = "config.json"
# The first that is there is read.
WEIGHT_NAMES = ("model.safetensors", "pytorch_model.bin")
POOLING_MODES = ("mean", "sum", "max")
_MODEL_PREFIX = "wav2vec2."
# What the audio encoder's own arithmetic and the flow transformer were made for.
_FIELDS = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "feat_extract_norm",
    "feat_extract_activation",
    "conv_dim",
    "conv_stride",
    "conv_kernel",
    "conv_bias",
    "num_conv_pos_embeddings",
    "num_conv_pos_embedding_groups",
    "do_stable_layer_norm",
    "layer_norm_eps",
    "add_adapter",
)
_CONFIG_ERRORS = (
    AttributeError,
    LookupError,
    MemoryError,
    OverflowError,
    RuntimeError,
    StrictDataclassError,
    TypeError,
    ValueError,
    ZeroDivisionError,
)


def read_config(folder: Path) -> Wav2Vec2Config:
    """The sizes of a folder's wav2vec2; raises BundleError where config.json is missing or describes no such model."""
    path = folder / CONFIG_NAME
    values = _read_json(path)
    if values.get("model_type", "wav2vec2") != "wav2vec2":
        raise BundleError(f"{path} describes a {values['model_type']!r} model, expected 'wav2vec2'")
    # What is masked in training would bring a parameter that nothing here reads.
    values = {**values, "mask_time_prob": 0.0, "mask_feature_prob": 0.0}
    try:
        config = Wav2Vec2Config.from_dict(values)
        # Without memory: does such a model exist at all?
        with torch.device("meta"):
            Wav2Vec2Model(config)
    except _CONFIG_ERRORS as error:
        raise BundleError(f"{path} describes no wav2vec2 model: {error}") from error
    return config


def read_config_like(folder: Path, expected: Wav2Vec2Config) -> Wav2Vec2Config:
    """As `read_config`, for a model that must be of one kind; raises BundleError also where its sizes are others."""
    config = read_config(folder)
    for name in _FIELDS:
        found, wanted = getattr(config, name), getattr(expected, name)
        if _plain(found) != _plain(wanted):
            raise BundleError(f"{folder / CONFIG_NAME}: {name} is {found!r}, expected {wanted!r}")
    return config


def read_pooling_mode(folder: Path) -> str:
    """How a classifier's folder pools over time; raises BundleError where its labels are not the seven in order."""
    path = folder / CONFIG_NAME
    values = _read_json(path)
    mode = values.get("pooling_mode", "mean")
    if mode not in POOLING_MODES:
        raise BundleError(f"{path}: pooling_mode {mode!r}, expected one of {', '.join(POOLING_MODES)}")
    labels = values.get("id2label", {})
    if not isinstance(labels, dict):
        raise BundleError(f"{path}: id2label is {type(labels).__name__}, expected an object")
    for number, emotion in enumerate(EMOTIONS):
        label = str(labels.get(str(number), emotion))
        # Some folders number their labels, and say "surprised" where others say "surprise".
        if label != f"LABEL_{number}" and not label.lower().startswith(emotion[:3]):
            raise BundleError(f"{path}: label {number} is {label!r}, expected {emotion!r} of {', '.join(EMOTIONS)}")
    return str(mode)


def read_wav2vec2(weights: Path) -> dict[str, Tensor]:
    """The tensors of a folder's file, those of wav2vec2 itself behind "wav2vec2."; raises BundleError."""
    tensors = read_tensors(weights)
    if any(name.startswith(_MODEL_PREFIX) for name in tensors):
        return tensors
    # Saved without a head, the model stands by itself.
    return {_MODEL_PREFIX + name: tensor for name, tensor in tensors.items()}


def weights_path(folder: Path) -> Path:
    """The file of a folder's weights; raises BundleError where there is none."""
    for name in WEIGHT_NAMES:
        if (folder / name).is_file():
            return folder / name
    raise BundleError(
        f"{folder} has no weights, expected {' or '.join(WEIGHT_NAMES)}"
        if folder.is_dir()
        else f"{folder} is no folder, expected one with {CONFIG_NAME} and {' or '.join(WEIGHT_NAMES)}"
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BundleError(f"{path} can't be read, expected the model's sizes: {error.strerror}") from error
    except ValueError as error:
        raise BundleError(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise BundleError(f"{path} holds {type(values).__name__}, expected an object")
    return values


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value

"""Files of the released weights' names and shapes, filled with the golden weights: what a user would download."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import Wav2Vec2Config, Wav2Vec2Model

from contract.spec import EMOTIONS
from models.emotion_classifier import EmotionClassifier
from models.flow_transformer import FlowConfig, FlowTransformer
from tests.export.tiny_float import older_spelling
from tests.golden import FOLDER, weights

# The published classifier is of this kind, with 24 layers of 1024.
SMALL_CLASSIFIER = {
    "model_type": "wav2vec2",
    "architectures": ["Wav2Vec2ForSpeechClassification"],
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
    "conv_dim": [32] * 7,
    "conv_bias": True,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "mask_time_prob": 0.05,
    "pooling_mode": "mean",
    "id2label": {str(number): emotion for number, emotion in enumerate(EMOTIONS)},
}


def write_float_files(folder: Path, classifier: dict[str, object] = SMALL_CLASSIFIER) -> tuple[Path, Path, Path]:
    """Write float.pth, the wav2vec2 folder and the classifier's; returns their paths."""
    checkpoint = folder / "float.pth"
    torch.save(float_state(), checkpoint)
    base = folder / "wav2vec2-base-960h"
    base.mkdir()
    # As published: behind "wav2vec2.", with the older spelling of weight norm, and a head for letters.
    (base / "config.json").write_text(Wav2Vec2Config().to_json_string())
    state = {"wav2vec2." + name: tensor for name, tensor in older_spelling(base_state()).items()}
    save_file(
        {**state, "lm_head.weight": torch.zeros(32, 768), "lm_head.bias": torch.zeros(32)}, base / "model.safetensors"
    )
    emotion = folder / "speech-emotion"
    emotion.mkdir()
    (emotion / "config.json").write_text(json.dumps(classifier))
    torch.save(older_spelling(classifier_state(classifier)), emotion / "pytorch_model.bin")
    return checkpoint, base, emotion


def float_state() -> dict[str, Tensor]:
    """The checkpoint's parameters and buffers, without the two wav2vec2 models."""
    names = json.loads((FOLDER / "state_dict.json").read_text())
    state = {name: golden(name, shape) for name, shape in names["parameters"].items() if name != "fmt.pos_embed"}
    state["fmt.pos_embed"] = position_table()
    return {**state, **{name: torch.ones(shape) for name, shape in names["buffers"].items()}}


def base_state() -> dict[str, Tensor]:
    """wav2vec2-base's parameters."""
    with torch.device("meta"):
        model = Wav2Vec2Model(Wav2Vec2Config())
    return {name: golden(f"audio_encoder.wav2vec2.{name}", list(p.shape)) for name, p in model.named_parameters()}


def classifier_state(values: dict[str, object]) -> dict[str, Tensor]:
    """The emotion classifier's parameters."""
    with torch.device("meta"):
        model = EmotionClassifier(Wav2Vec2Model(Wav2Vec2Config.from_dict(values)))
    prefix = "emotion_encoder.wav2vec2_for_emotion."
    return {name: golden(prefix + name, list(p.shape)) for name, p in model.named_parameters()}


def golden(name: str, shape: list[int]) -> Tensor:
    """A parameter's golden value."""
    value = weights.parameter(name, tuple(shape))
    assert isinstance(value, np.ndarray), name
    return torch.from_numpy(value)


def position_table() -> Tensor:
    """Sinusoids by position, as FLOAT's checkpoint holds them."""
    with torch.device("meta"):
        shape = FlowTransformer(FlowConfig()).pos_embed.shape
    position, pair = np.arange(shape[1])[:, None], np.arange(shape[2] // 2)[None]
    angle = position / 10000 ** (2 * pair / shape[2])
    return torch.from_numpy(np.stack([np.sin(angle), np.cos(angle)], -1).reshape(1, shape[1], shape[2]).astype("f4"))

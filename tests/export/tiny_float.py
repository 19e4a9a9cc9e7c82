"""Files of FLOAT's names at tiny sizes with random weights, as a user would have downloaded them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import Wav2Vec2Config, Wav2Vec2Model

from contract.spec import EMOTIONS
from export.float_networks import CLASSIFIER_PREFIX, FloatFiles, FloatSizes
from export.import_checkpoint import PortraitPicture
from models.audio_encoder import Wav2Vec2AudioEncoder
from models.autoencoder_config import AutoencoderConfig
from models.emotion_classifier import EmotionClassifier
from models.flow_transformer import FlowConfig, FlowTransformer
from models.motion_autoencoder import MotionAutoencoder
from server.portraits import to_png
from tests.export.tiny_avatar import parameters_of

SMALL: dict[str, Any] = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}
SIZES = FloatSizes(
    AutoencoderConfig(channels=(12, 12, 8, 8), latent_dim=16, num_motion_directions=6),
    FlowConfig(latent_dim=16, audio_feature_dim=8, hidden_dim=32, depth=1, num_heads=2),
    Wav2Vec2Config(**SMALL),
)
# Of the published classifier's kind, which differs from wav2vec2-base in these.
CLASSIFIER: dict[str, Any] = {
    "model_type": "wav2vec2",
    **SMALL,
    "conv_bias": True,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "pooling_mode": "mean",
    "id2label": {str(number): emotion for number, emotion in enumerate(EMOTIONS)},
}


def float_state() -> dict[str, Tensor]:
    """What the checkpoint holds, with all that nothing reads."""
    torch.manual_seed(0)
    flow = FlowTransformer(SIZES.flow)
    audio = Wav2Vec2AudioEncoder(Wav2Vec2Model(SIZES.audio), SIZES.flow.audio_feature_dim)
    return {
        **parameters_of(MotionAutoencoder(SIZES.autoencoder), "motion_autoencoder."),
        **parameters_of(flow, "fmt."),
        **parameters_of(audio.audio_projection, "audio_encoder.audio_projection."),
        "fmt.pos_embed": flow.pos_embed.clone(),
        "fmt.alignment_mask": torch.zeros(60, 60, dtype=torch.bool),
        "motion_autoencoder.dec.conv1.noise.weight": torch.zeros(1),
        "motion_autoencoder.dec.convs.0.noise.weight": torch.zeros(1),
        "motion_autoencoder.dec.convs.0.conv.blur.kernel": torch.ones(4, 4),
        "motion_autoencoder.dec.to_rgb1.bias": torch.zeros(1, 3, 1, 1),
        "motion_autoencoder.dec.to_rgb1.conv.0.weight": torch.zeros(3, 12, 1, 1),
    }


def wav2vec2_state() -> dict[str, Tensor]:
    """wav2vec2's parameters with a head for letters, weight norm in its older spelling, as published."""
    torch.manual_seed(1)
    state = parameters_of(Wav2Vec2Model(SIZES.audio), "wav2vec2.")
    return {**older_spelling(state), "lm_head.weight": torch.zeros(32, 24), "lm_head.bias": torch.zeros(32)}


def classifier_state() -> dict[str, Tensor]:
    """The classifier's parameters, one that only training reads among them."""
    torch.manual_seed(2)
    state = parameters_of(EmotionClassifier(Wav2Vec2Model(Wav2Vec2Config.from_dict(CLASSIFIER))))
    return {**state, "wav2vec2.masked_spec_embed": torch.zeros(24)}


def older_spelling(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weight norm as it was spelt for years."""
    spelling = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    renamed = {}
    for name, tensor in state.items():
        for newer, older in spelling.items():
            name = name.replace(newer, older)
        renamed[name] = tensor
    return renamed


def write_tiny_files(folder: Path) -> FloatFiles:
    """Write the checkpoint and both folders."""
    files = FloatFiles(folder / "float.pth", folder / "wav2vec2-base-960h", folder / "speech-emotion")
    torch.save(float_state(), files.checkpoint)
    files.wav2vec2.mkdir()
    (files.wav2vec2 / "config.json").write_text(SIZES.audio.to_json_string())
    save_file(wav2vec2_state(), files.wav2vec2 / "model.safetensors")
    files.emotion_classifier.mkdir()
    (files.emotion_classifier / "config.json").write_text(json.dumps(CLASSIFIER))
    torch.save(classifier_state(), files.emotion_classifier / "pytorch_model.bin")
    return files


def everything() -> dict[str, Tensor]:
    """One checkpoint that holds the two wav2vec2 models as well."""
    audio = {f"audio_encoder.{name}": each for name, each in wav2vec2_state().items() if "lm_head" not in name}
    classifier = {CLASSIFIER_PREFIX + name: tensor for name, tensor in classifier_state().items()}
    return {**float_state(), **audio, **classifier}


def grey_portraits() -> dict[str, PortraitPicture]:
    """Two faces that are all grey."""
    return {
        name: PortraitPicture(name.title(), "Apache-2.0", to_png(np.full((32, 32, 3), grey, np.uint8)))
        for name, grey in (("anna", 60), ("ben", 150))
    }

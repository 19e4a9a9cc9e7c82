"""Checkpoints of a tiny avatar with random weights, as its trainings would leave them, and its portraits."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from export.networks import NetworkSizes
from models.audio_encoder import MelAudioConfig, MelAudioEncoder
from models.autoencoder_config import AutoencoderConfig
from models.face_anchors import AnchorInput, AnchorMotion
from models.face_reader import FaceReader
from models.flow_transformer import FlowConfig, FlowTransformer
from models.motion_autoencoder import MotionAutoencoder

State = dict[str, Any]

TINY = NetworkSizes(
    AutoencoderConfig(
        channels=(12, 12, 8, 8),
        latent_dim=16,
        num_motion_directions=14,
        num_blended_levels=2,
        composites=True,
        flow_template_px=8,
        reads_apart=True,
    ),
    FlowConfig(
        latent_dim=16, audio_feature_dim=8, hidden_dim=32, depth=1, num_heads=2, window_frames=30, carried_frames=6
    ),
    MelAudioConfig(audio_feature_dim=8, hidden_dim=16),
)

# The smallest picture in which anchors are heard.
ANCHORED = replace(TINY, autoencoder=replace(TINY.autoencoder, channels=(12, 12, 8, 8, 8, 8), num_anchor_features=6))


def parameters_of(module: torch.nn.Module, prefix: str = "") -> dict[str, torch.Tensor]:
    return {prefix + name: parameter.detach().clone() for name, parameter in module.named_parameters()}


def teach_flow_and_shape(autoencoder: MotionAutoencoder) -> None:
    """Let the flow's template and the face's shape, which say nothing at first, say something."""
    assert autoencoder.enc.from_shape is not None
    with torch.no_grad():
        last_template_layer(autoencoder).weight.normal_(0, 0.05)
        autoencoder.enc.from_shape.weight.normal_()


def teach_anchors(autoencoder: MotionAutoencoder) -> None:
    """Let what anchors carry, which changes nothing at first, change what is painted."""
    with torch.no_grad():
        for layer in anchor_inputs(autoencoder):
            layer.conv.weight.normal_()


def anchor_inputs(autoencoder: MotionAutoencoder) -> list[AnchorInput]:
    """What brings the anchors' features to the decoder's two finest levels."""
    return [layer for layer in autoencoder.dec.from_anchors if isinstance(layer, AnchorInput)]


def spread_anchors(anchor_motion: AnchorMotion) -> None:
    """Let anchors lie all over the face, where they begin in its middle."""
    anchor_motion.usual.uniform_(0.25, 0.9)


def last_template_layer(autoencoder: MotionAutoencoder) -> nn.Linear:
    """What gives the flow's template, all zero at first."""
    assert autoencoder.dec.template is not None
    last = autoencoder.dec.template.layers[-1]
    assert isinstance(last, nn.Linear)
    return last


def tiny_states(sizes: NetworkSizes = TINY, seed: int = 0) -> tuple[State, State, State]:
    """What the checkpoints of phase 1, of its reading and of phase 2 hold."""
    torch.manual_seed(seed)
    autoencoder = MotionAutoencoder(sizes.autoencoder, with_reader=False)
    teach_flow_and_shape(autoencoder)
    if sizes.autoencoder.num_anchor_features:
        teach_anchors(autoencoder)
    first = {"average": parameters_of(autoencoder), "step": 3, "metrics": {"l1": 0.5}, "provenance": {"commit": "abc"}}
    reader = FaceReader(sizes.autoencoder)
    # Batches leave their statistics in it, so that they are no longer those that it begins with.
    reader(torch.rand(4, 3, sizes.autoencoder.image_size_px, sizes.autoencoder.image_size_px))
    reading = {"model": reader.state_dict(), "optimizer": {}, "step": 5, "metrics": {"motion": 0.9}}
    second = {
        "average": {
            **parameters_of(FlowTransformer(sizes.flow), "fmt."),
            **parameters_of(MelAudioEncoder(sizes.audio), "audio_encoder."),
            "mouth.weight": torch.zeros(5, sizes.audio.audio_feature_dim),
        },
        "basis": autoencoder.dec.direction.orthonormal().detach(),
        "motion_names": ["yaw", "pitch"],
        "step": 4,
        "metrics": {},
    }
    return first, reading, second


def write_checkpoints(folder: Path, states: tuple[State, State, State] | None = None) -> tuple[Path, Path, Path]:
    """Write the checkpoints as training does; returns their paths."""
    paths = folder / "phase1.pt", folder / "reading.pt", folder / "phase2.pt"
    for path, state in zip(paths, states or tiny_states(), strict=True):
        torch.save(state, path)
    return paths


def anchors_state(sizes: NetworkSizes = ANCHORED, seed: int = 0) -> State:
    """What the checkpoint of phase 1's anchors holds."""
    torch.manual_seed(seed)
    config = sizes.autoencoder
    model = AnchorMotion(config.num_motion_directions, config.image_size_px)
    spread_anchors(model)
    own = {name: value.clone() for name, value in model.state_dict().items()}
    return {"model": model.state_dict(), "own": own, "optimizer": {}, "step": 7, "metrics": {"ways_misread": 0.4}}


def write_anchors(folder: Path, state: State | None = None) -> Path:
    """Write the checkpoint of anchors beside the others as training does; returns its path."""
    path = folder / "anchors.pt"
    torch.save(state or anchors_state(), path)
    return path


def write_portraits(folder: Path, titles: dict[str, str], side_px: int = 32) -> Path:
    """A folder of pictures, each of another grey, and their list."""
    folder.mkdir()
    for number, name in enumerate(titles):
        cv2.imwrite(str(folder / f"{name}.png"), np.full((side_px, side_px, 3), 60 + 90 * number, np.uint8))
    (folder / "portraits.json").write_text(json.dumps(titles))
    return folder

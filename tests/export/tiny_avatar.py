"""Checkpoints of a tiny avatar with random weights, as the two training phases would leave them, and its portraits."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from export.networks import NetworkSizes
from models.audio_encoder import MelAudioConfig, MelAudioEncoder
from models.autoencoder_config import AutoencoderConfig
from models.flow_transformer import FlowConfig, FlowTransformer
from models.motion_autoencoder import MotionAutoencoder

TINY = NetworkSizes(
    AutoencoderConfig(
        channels=(12, 12, 8, 8), latent_dim=16, num_motion_directions=14, num_blended_levels=2, composites=True
    ),
    FlowConfig(
        latent_dim=16, audio_feature_dim=8, hidden_dim=32, depth=1, num_heads=2, window_frames=30, carried_frames=6
    ),
    MelAudioConfig(audio_feature_dim=8, hidden_dim=16),
)


def parameters_of(module: torch.nn.Module, prefix: str = "") -> dict[str, torch.Tensor]:
    return {prefix + name: parameter.detach().clone() for name, parameter in module.named_parameters()}


def tiny_states(sizes: NetworkSizes = TINY, seed: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the checkpoints of phase 1 and phase 2 hold."""
    torch.manual_seed(seed)
    autoencoder = MotionAutoencoder(sizes.autoencoder)
    first = {"average": parameters_of(autoencoder), "step": 3, "metrics": {"l1": 0.5}, "provenance": {"commit": "abc"}}
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
    return first, second


def write_checkpoints(folder: Path, states: tuple[dict[str, Any], dict[str, Any]] | None = None) -> tuple[Path, Path]:
    """Write both checkpoints as training does; returns their paths."""
    paths = folder / "phase1.pt", folder / "phase2.pt"
    for path, state in zip(paths, states or tiny_states(), strict=True):
        torch.save(state, path)
    return paths


def write_portraits(folder: Path, titles: dict[str, str], side_px: int = 32) -> Path:
    """A folder of pictures, each of another grey, and their list."""
    folder.mkdir()
    for number, name in enumerate(titles):
        cv2.imwrite(str(folder / f"{name}.png"), np.full((side_px, side_px, 3), 60 + 90 * number, np.uint8))
    (folder / "portraits.json").write_text(json.dumps(titles))
    return folder

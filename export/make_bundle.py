"""The embedded avatar's checkpoints and portraits to a bundle.

In:  phase 1's and phase 2's checkpoints, a folder of portraits (PNG, already cut out)
Out: a bundle folder, written beside and renamed
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bundles.manifest import BundledPortrait, Component, Manifest, sha256_of, write_manifest
from contract.errors import BundleError
from contract.spec import AvatarSpec, ComponentName
from export.components import (
    AudioEncoderComponent,
    FlowTransformerComponent,
    FrameDecoderComponent,
    PortraitEncoderComponent,
)
from export.to_onnx import export_component
from models.audio_encoder import EMBEDDED_AUDIO, MelAudioEncoder
from models.autoencoder_config import EMBEDDED_AUTOENCODER
from models.checkpoint import load_checkpoint, load_parameters
from models.flow_transformer import EMBEDDED_FLOW, FlowTransformer
from models.motion_autoencoder import MotionAutoencoder

# What each component bears: sound and portrait are cheap and set everything after, so they stay exact.
_PRECISION: dict[ComponentName, str] = {
    "audio_encoder": "float32",
    "portrait_encoder": "float32",
    "flow_transformer": "bfloat16",
    "frame_decoder": "bfloat16",
}


@dataclass(frozen=True)
class Networks:
    """The embedded avatar's networks with their averaged weights."""

    autoencoder: MotionAutoencoder
    transformer: FlowTransformer
    audio_encoder: MelAudioEncoder
    motion_names: tuple[str, ...]
    made_by: dict[str, Any]

    def spec(self) -> AvatarSpec:
        """Sizes as the bundle's manifest gives them."""
        config = self.autoencoder.config
        return AvatarSpec(
            image_size_px=config.image_size_px,
            latent_dim=config.latent_dim,
            num_motion_directions=config.num_motion_directions,
            audio_feature_dim=self.audio_encoder.config.audio_feature_dim,
            # The finest map leaves the encoder as the RGB head's three channels.
            pyramid_channels=(*config.channels[1:-1], 3),
            audio_guidance=1.0,
            emotion_guidance=1.0,
            audio_context_frames=self.audio_encoder.config.context_frames,
            audio_lookahead_frames=self.audio_encoder.config.lookahead_frames,
            motion_names=self.motion_names,
        )


def load_networks(phase1: Path, phase2: Path) -> Networks:
    """Networks from the two checkpoints; raises BundleError when they do not fit each other or the configuration."""
    first, second = load_checkpoint(phase1), load_checkpoint(phase2)
    for state, path in ((first, phase1), (second, phase2)):
        if missing := [key for key in ("average", "step", "metrics") if key not in state]:
            raise BundleError(f"{path} is not a training checkpoint: it lacks {missing}")
    autoencoder = MotionAutoencoder(EMBEDDED_AUTOENCODER)
    load_parameters(autoencoder, first["average"], str(phase1))
    transformer, audio_encoder = FlowTransformer(EMBEDDED_FLOW), MelAudioEncoder(EMBEDDED_AUDIO)
    for module, prefix in ((transformer, "fmt."), (audio_encoder, "audio_encoder.")):
        part = {name[len(prefix) :]: w for name, w in second["average"].items() if name.startswith(prefix)}
        load_parameters(module, part, f"{phase2} ({prefix[:-1]})")
    difference = (autoencoder.dec.direction.orthonormal() - second["basis"]).abs().max()
    if difference > 1e-5:
        raise BundleError(
            f"{phase2} was trained on another motion basis than {phase1}: they differ by {difference:.1e}"
        )
    return Networks(
        autoencoder,
        transformer,
        audio_encoder,
        tuple(second.get("motion_names", ())),
        {
            "program": "float-avatar train",
            "phase1": {"step": first["step"], "metrics": first["metrics"], **first.get("provenance", {})},
            "phase2": {"step": second["step"], "metrics": second["metrics"], **second.get("provenance", {})},
        },
    )


def make_bundle(networks: Networks, portraits: Path, output: Path, name: str = "illustrated") -> dict[str, float]:
    """Export every component and write the bundle; returns each component's parity error.

    portraits: folder of NAME.png and portraits.json ({name: title}), the first one being the default
    Raises BundleError; nothing is left behind then.
    """
    spec = networks.spec()
    beside = output.with_name(output.name + ".writing")
    shutil.rmtree(beside, ignore_errors=True)
    (beside / "portraits").mkdir(parents=True)
    try:
        errors: dict[str, float] = {}
        components: dict[ComponentName, Component] = {}
        modules = {
            "audio_encoder": AudioEncoderComponent(networks.audio_encoder),
            "portrait_encoder": PortraitEncoderComponent(networks.autoencoder),
            "flow_transformer": FlowTransformerComponent(networks.transformer),
            "frame_decoder": FrameDecoderComponent(networks.autoencoder),
        }
        for component, precision in _PRECISION.items():
            file = f"{component}.onnx"
            probe = _smooth_probe(networks, spec) if component == "frame_decoder" else None
            errors[component] = export_component(modules[component], spec.signature(component), beside / file, probe)
            components[component] = Component(file, precision, sha256_of(beside / file))
        titles = json.loads((portraits / "portraits.json").read_text("utf-8"))
        for portrait in titles:
            shutil.copyfile(portraits / f"{portrait}.png", beside / "portraits" / f"{portrait}.png")
        manifest = Manifest(
            name=name,
            licence="Apache-2.0",
            spec=spec,
            components=components,
            portraits={
                key: BundledPortrait(f"portraits/{key}.png", title, "Apache-2.0") for key, title in titles.items()
            },
            default_portrait=next(iter(titles)),
            made_by=networks.made_by,
        )
        write_manifest(beside, manifest)
        shutil.rmtree(output, ignore_errors=True)
        beside.rename(output)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return errors


def _smooth_probe(networks: Networks, spec: AvatarSpec) -> dict[str, np.ndarray]:
    """Inputs of the decoder as they come from a picture: a smooth one, in a motion of unit spread."""
    y, x = torch.meshgrid(*[torch.linspace(-3, 3, spec.image_size_px)] * 2, indexing="ij")
    image = torch.stack([torch.sin(x + y), torch.cos(x), torch.sin(y)])[None] * 0.7
    coefficients = torch.linspace(-1, 1, spec.num_motion_directions)[None]
    with torch.inference_mode():
        identity, _, _, *features = PortraitEncoderComponent(networks.autoencoder).eval()(image)
        motion = networks.autoencoder.dec.direction(coefficients)
    names = [tensor.name for tensor in spec.signature("frame_decoder").inputs]
    return {name: value.numpy() for name, value in zip(names, (identity, motion, *features), strict=True)}

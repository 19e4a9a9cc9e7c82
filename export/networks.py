"""The embedded avatar's networks from the checkpoints of its two training phases.

In:  phase 1's checkpoints, of painting and of reading, and phase 2's
Out: networks with their averaged weights, and the sizes of the avatar they make
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.errors import BundleError
from contract.spec import AvatarSpec
from export.half_weights import round_to_half
from models.audio_encoder import EMBEDDED_AUDIO, MelAudioConfig, MelAudioEncoder
from models.autoencoder_config import EMBEDDED_AUTOENCODER, AutoencoderConfig
from models.checkpoint import load_checkpoint, load_parameters
from models.face_anchors import AnchorMotion, num_face_values
from models.face_reader import FaceReader
from models.flow_transformer import EMBEDDED_FLOW, FlowConfig, FlowTransformer
from models.motion_autoencoder import MotionAutoencoder


@dataclass(frozen=True)
class NetworkSizes:
    """What the checkpoints were trained at."""

    autoencoder: AutoencoderConfig = EMBEDDED_AUTOENCODER
    flow: FlowConfig = EMBEDDED_FLOW
    audio: MelAudioConfig = EMBEDDED_AUDIO


EMBEDDED = NetworkSizes()


# The sound decides what lips do, so that noise there is mostly error; heads, lids and gaze are drawn from theirs. Half
# of it is worth 0.03 of the jaw's r (docs/training.md), and none little more.
_NOISE_SCALES = dict.fromkeys(("jaw", "lip_width", "lip_rounding", "lip_closing", "lip_tuck"), 0.5)


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
            window_frames=self.transformer.config.window_frames,
            carried_frames=self.transformer.config.carried_frames,
            audio_guidance=1.0,
            emotion_guidance=1.0,
            audio_context_frames=self.audio_encoder.config.context_frames,
            audio_lookahead_frames=self.audio_encoder.config.lookahead_frames,
            motion_names=self.motion_names,
            noise_scales=tuple(_NOISE_SCALES.get(name, 1.0) for name in self.motion_names),
            reads_framing=config.reads_apart,
            num_face_values=num_face_values(config.num_motion_directions) if config.num_anchor_features else 0,
        )


def load_networks(folder: Path, sizes: NetworkSizes = EMBEDDED) -> Networks:
    """Networks from a run's checkpoints; raises BundleError when they do not fit each other or the sizes."""
    phase1, reading, anchors, phase2 = (folder / f"{name}.pt" for name in ("phase1", "reading", "anchors", "phase2"))
    first = load_checkpoint(phase1, needs=("average", "step", "metrics"))
    read = load_checkpoint(reading, needs=("model", "step", "metrics"))
    placed = (
        load_checkpoint(anchors, needs=("model", "step", "metrics")) if sizes.autoencoder.num_anchor_features else {}
    )
    second = load_checkpoint(phase2, needs=("average", "step", "metrics", "basis"))
    autoencoder = MotionAutoencoder(sizes.autoencoder, with_reader=False)
    load_parameters(autoencoder, first["average"], str(phase1))
    autoencoder.enc.reader = FaceReader(sizes.autoencoder).eval()
    load_parameters(autoencoder.enc.reader, read["model"], str(reading))
    if placed:
        directions, side = sizes.autoencoder.num_motion_directions, sizes.autoencoder.image_size_px
        autoencoder.dec.anchor_motion = AnchorMotion(directions, side).eval()
        load_parameters(autoencoder.dec.anchor_motion, placed["model"], str(anchors))
    transformer, audio_encoder = FlowTransformer(sizes.flow), MelAudioEncoder(sizes.audio)
    for module, prefix in ((transformer, "fmt."), (audio_encoder, "audio_encoder.")):
        part = {name[len(prefix) :]: w for name, w in second["average"].items() if name.startswith(prefix)}
        load_parameters(module, part, f"{phase2} ({prefix[:-1]})")
    # What is served in bfloat16, or was trained in it, loses nothing by it, and the bundle is a third smaller.
    round_to_half(autoencoder)
    round_to_half(transformer)
    basis = autoencoder.dec.direction.orthonormal()
    if basis.shape != second["basis"].shape:
        raise BundleError(f"{phase2} has a motion basis of {list(second['basis'].shape)}, expected {list(basis.shape)}")
    difference = (basis - second["basis"]).abs().max()
    if not difference <= 1e-5:
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
            "reading": {"step": read["step"], "metrics": read["metrics"], **read.get("provenance", {})},
            "anchors": {key: placed[key] for key in ("step", "metrics")} | placed.get("provenance", {})
            if placed
            else None,
            "phase2": {"step": second["step"], "metrics": second["metrics"], **second.get("provenance", {})},
        },
    )

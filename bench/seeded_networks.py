"""Networks of any size with weights made of their names, and the plain PyTorch form of each component.

In:  sizes, or a bundle's specification
Out: the same networks at every call, and a function a component that runs `models/` as it is written
"""

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from transformers import Wav2Vec2Model

from contract.errors import ConfigError
from contract.spec import AvatarSpec, ComponentName
from engines.base import Array
from export.float_networks import FloatSizes
from export.networks import EMBEDDED, Networks, NetworkSizes
from models.audio_encoder import MelAudioEncoder, SoundStatistics, Wav2Vec2AudioEncoder
from models.flow_transformer import Condition, FlowTransformer
from models.motion_autoencoder import MotionAutoencoder

Run = Callable[[], dict[str, Array]]

# Of the auto-encoder, those that do not scale their weights themselves.
_PLAIN_LAYERS = (
    "autoencoder.enc.reader.", "autoencoder.enc.from_shape.", "autoencoder.dec.template.",
    "autoencoder.dec.anchor_motion.",
)  # fmt: skip


@dataclass(frozen=True)
class SeededNetworks:
    """Networks of one avatar and the specification they fit."""

    spec: AvatarSpec
    autoencoder: MotionAutoencoder
    transformer: FlowTransformer
    audio_encoder: MelAudioEncoder | Wav2Vec2AudioEncoder


def official_networks(sizes: FloatSizes | None = None) -> SeededNetworks:
    """FLOAT's sizes, or others of its kind."""
    sizes = sizes or FloatSizes()
    audio_encoder = Wav2Vec2AudioEncoder(Wav2Vec2Model(sizes.audio), sizes.flow.audio_feature_dim)
    autoencoder, transformer = MotionAutoencoder(sizes.autoencoder), FlowTransformer(sizes.flow)
    return _seeded(SeededNetworks(sizes.spec(), autoencoder, transformer, audio_encoder))


def embedded_networks(sizes: NetworkSizes = EMBEDDED) -> SeededNetworks:
    """The embedded avatar's sizes, or others of its kind."""
    networks = Networks(
        MotionAutoencoder(sizes.autoencoder), FlowTransformer(sizes.flow), MelAudioEncoder(sizes.audio), (), {}
    )
    spec = networks.spec()
    return _seeded(SeededNetworks(spec, networks.autoencoder, networks.transformer, networks.audio_encoder))


NETWORKS: dict[str, Callable[[], SeededNetworks]] = {"official": official_networks, "embedded": embedded_networks}


def networks_like(spec: AvatarSpec) -> SeededNetworks:
    """Networks of a bundle's size; raises ConfigError where it is neither of the sizes known here."""
    size = "official" if spec.audio_statistics else "embedded"
    networks = NETWORKS[size]()
    fields = ("image_size_px", "latent_dim", "audio_feature_dim", "window_frames", "carried_frames")
    for field in fields:
        found, expected = getattr(spec, field), getattr(networks.spec, field)
        if found != expected:
            raise ConfigError(f"the bundle's {field} is {found}, expected {expected} as in the {size} networks")
    return networks


def plain_runs(networks: SeededNetworks, inputs: Mapping[ComponentName, Mapping[str, Array]]) -> dict[str, Run]:
    """Each component as `models/` writes it: float32, whole maps, no folding.

    inputs: of every component but the decoder, by name, a batch of one; the decoder's pyramid is the encoder's own
    """
    autoencoder, transformer = networks.autoencoder, networks.transformer
    tensors = {
        component: {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
        for component, arrays in inputs.items()
    }
    image = tensors["portrait_encoder"]["image"]
    motion = tensors["frame_decoder"]["motion_latent"]
    with torch.inference_mode():
        identity, _, _, features = autoencoder.encode(image)
        reader = autoencoder.enc.reader
        face = None if reader is None else reader(image).face

    def encode_portrait() -> dict[str, Array]:
        identity, coefficients, motion, _ = autoencoder.encode(image)
        found = {"identity_latent": identity, "motion_coefficients": coefficients, "reference_motion": motion}
        return {name: value.numpy() for name, value in found.items()}

    def decode() -> dict[str, Array]:
        return {"frame": autoencoder.dec(identity, motion, features, face).numpy()}

    def evaluate_flow() -> dict[str, Array]:
        given = tensors["flow_transformer"]
        names = ("audio_features", "carried_motion", "carried_audio", "reference_motion", "emotion")
        condition = Condition(*(given[name] for name in names))
        scales = given["audio_guidance"], given["emotion_guidance"]
        velocity = transformer.guided(given["noisy_motion"], given["time"], condition, *scales)
        return {"velocity": velocity[:, transformer.config.carried_frames :].numpy()}

    def encode_audio() -> dict[str, Array]:
        given, encoder = tensors["audio_encoder"], networks.audio_encoder
        if isinstance(encoder, MelAudioEncoder):
            return {"audio_features": encoder(given["pcm"]).numpy()}
        statistics = SoundStatistics(given["window_mean"], given["window_root"])
        return {"audio_features": encoder(given["pcm"], statistics).numpy()}

    runs: dict[str, Run] = {
        "frame_decoder": decode,
        "flow_transformer": evaluate_flow,
        "portrait_encoder": encode_portrait,
        "audio_encoder": encode_audio,
    }
    return {component: torch.inference_mode()(run) for component, run in runs.items()}


@contextmanager
def torch_threads(num_threads: int) -> Iterator[None]:
    """PyTorch on so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _seeded(networks: SeededNetworks) -> SeededNetworks:
    parts = {"autoencoder": networks.autoencoder, "flow": networks.transformer, "audio": networks.audio_encoder}
    with torch.no_grad():
        for prefix, module in parts.items():
            for name, parameter in module.named_parameters():
                _fill(parameter, f"{prefix}.{name}")
            module.eval()
    return networks


def _fill(parameter: nn.Parameter, name: str) -> None:
    """Normal numbers, the same for the same name, of a spread that keeps a random network's activations sane."""
    spread, mean = 1.0, 0.0
    if name.startswith("autoencoder.") and not name.startswith(_PLAIN_LAYERS):
        # Equalised layers scale their weights themselves; a flow beyond the picture would show nothing.
        if name.endswith("bias") or (".to_flows." in name and name.endswith(".conv.weight")):
            spread = 0.1
        mean = 1.0 if name.endswith("modulation.bias") else 0.0
    elif parameter.dim() > 1:
        spread = (0.1 if ".template." in name else 1) / math.sqrt(parameter[0].numel())
    else:
        spread, mean = (0.1, 1.0) if name.endswith("weight") else (0.02, 0.0)
    parameter.normal_(mean, spread, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))

"""FLOAT's networks from the released checkpoint and the two published wav2vec2 folders.

In:  float.pth, wav2vec2-base-960h, the speech emotion classifier
Out: networks with their weights, every tensor of the files accounted for
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import Wav2Vec2Config, Wav2Vec2Model

from contract.errors import BundleError
from contract.spec import AvatarSpec
from export.tensor_file import check_values, read_tensors
from export.wav2vec2_folder import read_config, read_config_like, read_pooling_mode, read_wav2vec2, weights_path
from models.audio_encoder import Wav2Vec2AudioEncoder
from models.autoencoder_config import AutoencoderConfig
from models.emotion_classifier import EmotionClassifier
from models.flow_transformer import FlowConfig, FlowTransformer
from models.motion_autoencoder import MotionAutoencoder

# Of a stream; whole clips are heard as wholes. Chosen in docs/streaming_audio.md.
AUDIO_CONTEXT_FRAMES, AUDIO_LOOKAHEAD_FRAMES = 100, 4

AUDIO_PREFIX = "audio_encoder."
CLASSIFIER_PREFIX = "emotion_encoder.wav2vec2_for_emotion."
_WAV2VEC2_PREFIX = AUDIO_PREFIX + "wav2vec2."
_POSITION_TABLE = "fmt.pos_embed"
_LARGEST_TABLE_ERROR = 1e-3
_SHOWN = 5

# In the files, and read by nothing: what was there for training, and constants that the networks make themselves.
KNOWN_UNUSED = re.compile(
    r"""motion_autoencoder\.dec\.(conv1|convs\.\d+)\.noise\.weight
    | motion_autoencoder\.dec\.to_rgb1\..+
    | motion_autoencoder\..+\.kernel
    | fmt\.(alignment_mask|pos_embed)
    | .+\.masked_spec_embed
    | (.+\.)?lm_head\.(weight|bias)""",
    re.VERBOSE,
)
# Weight norm has two spellings, the older first.
_WEIGHT_NORM = {".weight_g": ".parametrizations.weight.original0", ".weight_v": ".parametrizations.weight.original1"}


@dataclass(frozen=True)
class FloatFiles:
    """Where the weights are.

    checkpoint: float.pth, or one safetensors file with the same names
    wav2vec2, emotion_classifier: folders with config.json and weights, which are read where the checkpoint has none
    """

    checkpoint: Path
    wav2vec2: Path
    emotion_classifier: Path


@dataclass(frozen=True)
class FloatSizes:
    """Sizes of the networks; the defaults are the released ones. The classifier's stand in its own config.json."""

    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    audio: Wav2Vec2Config = field(default_factory=Wav2Vec2Config)

    def spec(self) -> AvatarSpec:
        """Sizes as the bundle's manifest gives them."""
        return AvatarSpec(
            image_size_px=self.autoencoder.image_size_px,
            latent_dim=self.autoencoder.latent_dim,
            num_motion_directions=self.autoencoder.num_motion_directions,
            audio_feature_dim=self.flow.audio_feature_dim,
            # The finest map leaves the encoder as the RGB head's three channels.
            pyramid_channels=(*self.autoencoder.channels[1:-1], 3),
            window_frames=self.flow.window_frames,
            carried_frames=self.flow.carried_frames,
            euler_points=10,
            audio_guidance=2.0,
            emotion_guidance=1.0,
            audio_context_frames=AUDIO_CONTEXT_FRAMES,
            audio_lookahead_frames=AUDIO_LOOKAHEAD_FRAMES,
            audio_statistics=True,
        )


@dataclass(frozen=True)
class NamedTensor:
    """A tensor and the file it is from."""

    tensor: Tensor
    origin: Path


@dataclass(frozen=True)
class FloatNetworks:
    """FLOAT's networks with their weights."""

    autoencoder: MotionAutoencoder
    transformer: FlowTransformer
    audio_encoder: Wav2Vec2AudioEncoder
    emotion_classifier: EmotionClassifier
    files_read: tuple[Path, ...]


def load_float(files: FloatFiles, sizes: FloatSizes) -> FloatNetworks:
    """Networks with their weights; raises BundleError naming the tensor or field that is missing, foreign or unfit."""
    audio_config = read_config_like(files.wav2vec2, sizes.audio)
    classifier_config = read_config(files.emotion_classifier)
    pooling_mode = read_pooling_mode(files.emotion_classifier)
    tensors = gather(files)
    networks = FloatNetworks(
        MotionAutoencoder(sizes.autoencoder),
        FlowTransformer(sizes.flow),
        Wav2Vec2AudioEncoder(Wav2Vec2Model(audio_config), sizes.flow.audio_feature_dim),
        EmotionClassifier(Wav2Vec2Model(classifier_config), pooling_mode),
        tuple(dict.fromkeys(each.origin for each in tensors.values())),
    )
    modules = {
        "motion_autoencoder.": networks.autoencoder,
        "fmt.": networks.transformer,
        AUDIO_PREFIX: networks.audio_encoder,
        CLASSIFIER_PREFIX: networks.emotion_classifier,
    }
    fill({prefix + name: p for prefix, module in modules.items() for name, p in module.named_parameters()}, tensors)
    if (table := tensors.get(_POSITION_TABLE)) is not None:
        _check_table(table, networks.transformer.pos_embed)
    for module in modules.values():
        module.eval()
    return networks


def gather(files: FloatFiles) -> dict[str, NamedTensor]:
    """Every tensor of the files under the checkpoint's names; raises BundleError where a file can't be read.

    A folder's weights are read only where the checkpoint has none of their names.
    """
    tensors = {
        name: NamedTensor(value, files.checkpoint)
        for name, value in _unified(read_tensors(files.checkpoint), files.checkpoint)
    }
    if not any(name.startswith(("motion_autoencoder.", "fmt.")) for name in tensors):
        raise BundleError(
            f"{files.checkpoint} is no checkpoint of FLOAT: it has no tensor of motion_autoencoder or fmt, "
            f"but {sorted(tensors)[:_SHOWN]}"
        )
    for folder, prefix, owned in (
        (files.wav2vec2, AUDIO_PREFIX, _WAV2VEC2_PREFIX),
        (files.emotion_classifier, CLASSIFIER_PREFIX, CLASSIFIER_PREFIX),
    ):
        if not any(name.startswith(owned) for name in tensors):
            origin = weights_path(folder)
            read = _unified(read_wav2vec2(origin), origin)
            tensors |= {prefix + name: NamedTensor(value, origin) for name, value in read}
    return tensors


def fill(parameters: dict[str, nn.Parameter], tensors: dict[str, NamedTensor]) -> None:
    """Give each parameter the tensor of its name; raises BundleError where one is missing, foreign or unfit.

    Each tensor is used once or known to be unused.
    """
    if missing := sorted(parameters.keys() - tensors.keys()):
        where = ", ".join(dict.fromkeys(str(each.origin) for each in tensors.values()))
        raise BundleError(f"{where}: {_number(missing, 'tensor')} missing: {_list(missing)}")
    foreign = sorted(name for name in tensors.keys() - parameters.keys() if not KNOWN_UNUSED.fullmatch(name))
    if foreign:
        where = ", ".join(sorted({str(tensors[name].origin) for name in foreign}))
        raise BundleError(f"{where}: {_number(foreign, 'tensor')} unknown to the model: {_list(foreign)}")
    with torch.no_grad():
        for name, parameter in parameters.items():
            tensor, origin = tensors[name].tensor, tensors[name].origin
            if tensor.shape != parameter.shape:
                raise BundleError(f"{origin}: {name} is {list(tensor.shape)}, expected {list(parameter.shape)}")
            check_values(name, tensor, str(origin))
            parameter.copy_(tensor)


def _unified(tensors: Mapping[str, Tensor], origin: Path) -> Iterator[tuple[str, Tensor]]:
    """Tensors with weight norm in its newer spelling; raises BundleError where one is there in both."""
    seen = set()
    for name, tensor in tensors.items():
        for older, newer in _WEIGHT_NORM.items():
            if name.endswith(older):
                name = name.removesuffix(older) + newer
        if name in seen:
            raise BundleError(f"{origin} has {name} twice, in both spellings of weight norm, expected one")
        seen.add(name)
        yield name, tensor


def _check_table(stored: NamedTensor, ours: Tensor) -> None:
    # It is fixed; another one would mean another network, and bad motion without a word.
    check_values(_POSITION_TABLE, stored.tensor, str(stored.origin))
    found, expected = list(stored.tensor.shape), list(ours.shape)
    if found != expected:
        raise BundleError(f"{stored.origin}: {_POSITION_TABLE} is {found}, expected {expected}")
    difference = float((stored.tensor - ours).abs().max())
    if not difference <= _LARGEST_TABLE_ERROR:
        raise BundleError(
            f"{stored.origin}: {_POSITION_TABLE} is no table of sinusoids by position, it differs by {difference:.1e}"
        )


def _number(names: list[str], noun: str) -> str:
    return f"1 {noun} is" if len(names) == 1 else f"{len(names)} {noun}s are"


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

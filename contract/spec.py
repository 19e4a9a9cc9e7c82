"""What an avatar model is: its sizes, and the named tensors of each component.

The specification stands in every bundle's manifest; engines, pipeline and export read the tensor tables from here,
so a name or a shape is written once.
"""

from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from typing import Any, Literal

from contract.errors import BundleError
from contract.packets import SAMPLES_PER_FRAME

EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")

ComponentName = Literal["audio_encoder", "emotion_classifier", "portrait_encoder", "flow_transformer", "frame_decoder"]
REQUIRED_COMPONENTS: tuple[ComponentName, ...] = (
    "audio_encoder",
    "portrait_encoder",
    "flow_transformer",
    "frame_decoder",
)
OPTIONAL_COMPONENTS: tuple[ComponentName, ...] = ("emotion_classifier",)
# The first convolution of wav2vec2: what its normalisation over time needs to know of a sound are the mean and the
# covariance of windows of so many samples, so many apart.
AUDIO_WINDOW_SAMPLES = 10
AUDIO_STRIDE_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, shape (None = free) and numpy type of one input or output."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"


@dataclass(frozen=True, slots=True)
class EngineSignature:
    """All inputs and outputs of one component."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, slots=True)
class AvatarSpec:
    """Sizes of an avatar model.

    image_size_px: side of the square picture
    latent_dim: width of identity and motion latents
    num_motion_directions: columns of the orthonormal motion basis
    audio_feature_dim: width of the audio feature of one frame
    pyramid_channels: channels of the portrait's feature maps as the decoder takes them, 8 x 8 first, one a level
    window_frames, carried_frames: new and carried-over frames of one window
    euler_points: time points of the solver; one evaluation fewer
    audio_guidance, emotion_guidance: default guidance scales
    audio_context_frames: frames of sound before the first one that one call of the audio encoder takes
    audio_lookahead_frames: frames of sound after the last one that it takes
    audio_chunk_frames: frames that one call of the audio encoder gives
    audio_statistics: True where the audio encoder takes any number of frames, gives a feature for each of them, and is
        told the statistics of the sound that it normalises by; the frames of a chunk are then those in the middle
    motion_names: names of the first motion directions, where training gave them meaning
    reads_framing: True where the portrait encoder also tells the square that the face should have been cut to
    noise_scales: of the noise along the first motion directions, 1 for those that are not given
    num_face_values: what the portrait encoder reads of a face for the decoder to place its points by; 0 where it does
        not
    """

    image_size_px: int
    latent_dim: int
    num_motion_directions: int
    audio_feature_dim: int
    pyramid_channels: tuple[int, ...]
    window_frames: int = 50
    carried_frames: int = 10
    euler_points: int = 10
    audio_guidance: float = 2.0
    emotion_guidance: float = 1.0
    audio_context_frames: int = 0
    audio_lookahead_frames: int = 0
    audio_chunk_frames: int = 1
    audio_statistics: bool = False
    motion_names: tuple[str, ...] = field(default=())
    noise_scales: tuple[float, ...] = field(default=())
    reads_framing: bool = False
    num_face_values: int = 0

    @property
    def num_levels(self) -> int:
        """Resolutions of the pyramid: 8, 16, ... image_size_px."""
        return len(self.pyramid_channels)

    @property
    def hears_each_frame(self) -> bool:
        """True where each frame of sound gives a feature at once, however many are asked for."""
        return self.audio_chunk_frames == 1 and not self.audio_statistics

    @property
    def audio_call_samples(self) -> int:
        """Samples that one call of the audio encoder takes."""
        frames = self.audio_context_frames + self.audio_chunk_frames + self.audio_lookahead_frames
        return frames * SAMPLES_PER_FRAME

    def to_json(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> "AvatarSpec":
        """Read from a manifest; raises BundleError naming a missing, unknown or meaningless field."""
        if not isinstance(values, dict):
            raise BundleError(f"the manifest's spec is {type(values).__name__}, expected an object")
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise BundleError(f"the manifest's spec has unknown fields {unknown}; known are {sorted(known)}")
        for name, value in values.items():
            if complaint := _complaint(name, value):
                raise BundleError(f"the manifest's spec has {name} {value!r}, expected {complaint}")
        lists = {name: tuple(values[name]) for name in _LISTS if name in values}
        try:
            spec = cls(**{**values, **lists})
        except TypeError as error:
            raise BundleError(f"the manifest's spec does not fit: {error}") from error
        if len(spec.noise_scales) > spec.num_motion_directions:
            raise BundleError(
                f"the manifest's spec has {len(spec.noise_scales)} noise_scales, expected one for each of at most "
                f"{spec.num_motion_directions} motion directions"
            )
        expected_px = 4 * 2**spec.num_levels
        if spec.image_size_px != expected_px:
            raise BundleError(
                f"image_size_px {spec.image_size_px} does not fit {spec.num_levels} pyramid levels: "
                f"expected {expected_px}"
            )
        return spec

    def pyramid_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """[channels, side, side] of each feature map, 8 x 8 first."""
        return tuple((channels, 8 * 2**i, 8 * 2**i) for i, channels in enumerate(self.pyramid_channels))

    def signature(self, component: ComponentName) -> EngineSignature:
        """Inputs and outputs of a component. The first axis is the batch and free; so is the flow window's length."""
        return _SIGNATURES[component](self)


_LISTS = ("pyramid_channels", "motion_names", "noise_scales")
_LOWEST = {"audio_context_frames": 0, "audio_lookahead_frames": 0, "euler_points": 2, "num_face_values": 0}


def _complaint(name: str, value: Any) -> str:
    """What a field of the manifest's spec should be, empty where it is that."""
    if name == "pyramid_channels":
        fits = isinstance(value, list | tuple) and all(type(each) is int and each >= 1 for each in value)
        return "" if fits else "a list of whole numbers of at least 1"
    if name == "motion_names":
        fits = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
        return "" if fits else "a list of names"
    if name == "noise_scales":
        fits = isinstance(value, list | tuple) and all(type(each) in (int, float) and 0 <= each <= 1 for each in value)
        return "" if fits else "a list of numbers from 0 to 1"
    if name in ("audio_statistics", "reads_framing"):
        return "" if isinstance(value, bool) else "true or false"
    if name.endswith("_guidance"):
        fits = type(value) in (int, float) and isfinite(value)
        return "" if fits else "a finite number"
    lowest = _LOWEST.get(name, 1)
    return "" if type(value) is int and value >= lowest else f"a whole number of at least {lowest}"


def _pyramid(spec: AvatarSpec) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(f"feature_{i}", (None, *shape)) for i, shape in enumerate(spec.pyramid_shapes()))


def _face(spec: AvatarSpec) -> tuple[TensorSpec, ...]:
    return (TensorSpec("face", (None, spec.num_face_values)),) if spec.num_face_values else ()


def _audio_encoder(spec: AvatarSpec) -> EngineSignature:
    if spec.audio_statistics:
        window = AUDIO_WINDOW_SAMPLES
        return EngineSignature(
            inputs=(
                # 640 samples a frame, normalised by the same sound as the statistics are.
                TensorSpec("pcm", (None, None)),
                TensorSpec("window_mean", (None, window)),
                # Times its transpose it is the covariance; the root keeps what float32 would round away.
                TensorSpec("window_root", (None, window, window)),
            ),
            outputs=(TensorSpec("audio_features", (None, None, spec.audio_feature_dim)),),
        )
    return EngineSignature(
        inputs=(TensorSpec("pcm", (None, spec.audio_call_samples)),),
        outputs=(TensorSpec("audio_features", (None, spec.audio_chunk_frames, spec.audio_feature_dim)),),
    )


def _emotion_classifier(spec: AvatarSpec) -> EngineSignature:
    return EngineSignature(
        inputs=(TensorSpec("pcm", (None, None)),),
        outputs=(TensorSpec("emotion", (None, len(EMOTIONS))),),
    )


def _portrait_encoder(spec: AvatarSpec) -> EngineSignature:
    side = spec.image_size_px
    # Its middle to the right and down of the picture's, in sides of the picture, and the log of its side over that.
    framing = (TensorSpec("framing", (None, 3)),) if spec.reads_framing else ()
    return EngineSignature(
        inputs=(TensorSpec("image", (None, 3, side, side)),),
        outputs=(
            TensorSpec("identity_latent", (None, spec.latent_dim)),
            TensorSpec("motion_coefficients", (None, spec.num_motion_directions)),
            TensorSpec("reference_motion", (None, spec.latent_dim)),
            *_pyramid(spec),
            *framing,
            *_face(spec),
        ),
    )


def _flow_transformer(spec: AvatarSpec) -> EngineSignature:
    carried = spec.carried_frames
    return EngineSignature(
        inputs=(
            TensorSpec("noisy_motion", (None, None, spec.latent_dim)),
            TensorSpec("audio_features", (None, None, spec.audio_feature_dim)),
            TensorSpec("carried_motion", (None, carried, spec.latent_dim)),
            TensorSpec("carried_audio", (None, carried, spec.audio_feature_dim)),
            TensorSpec("reference_motion", (None, spec.latent_dim)),
            TensorSpec("emotion", (None, len(EMOTIONS))),
            TensorSpec("time", (None,)),
            TensorSpec("audio_guidance", (None,)),
            TensorSpec("emotion_guidance", (None,)),
        ),
        outputs=(TensorSpec("velocity", (None, None, spec.latent_dim)),),
    )


def _frame_decoder(spec: AvatarSpec) -> EngineSignature:
    side = spec.image_size_px
    return EngineSignature(
        inputs=(
            TensorSpec("identity_latent", (None, spec.latent_dim)),
            TensorSpec("motion_latent", (None, spec.latent_dim)),
            *_pyramid(spec),
            *_face(spec),
        ),
        outputs=(TensorSpec("frame", (None, 3, side, side)),),
    )


_SIGNATURES = {
    "audio_encoder": _audio_encoder,
    "emotion_classifier": _emotion_classifier,
    "portrait_encoder": _portrait_encoder,
    "flow_transformer": _flow_transformer,
    "frame_decoder": _frame_decoder,
}

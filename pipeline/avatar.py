"""The avatar: a portrait and a voice in, frames of that face speaking out.

In: `SpeechChunk`, one every 40 ms. Out: `AvatarFrame`, the same indexes in the same order, some frames later.

    conditions -> motion_sampler -> motion_glide -> frame_renderer

`Avatar` and `AvatarStream` are what the server and the tools know. `NeuralAvatar` is the one that runs a bundle's
networks, and `pipeline.test_pattern` the one that measures transport.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Protocol

from contract.errors import ConfigError
from contract.packets import AvatarFrame, Float32Array, MotionFrame, SpeechChunk, UInt8Array
from contract.spec import EMOTIONS, AvatarSpec
from engines.base import Engine
from pipeline.audio_features import FrameGroups
from pipeline.conditions import ClipConditions, Conditions
from pipeline.expression import AvatarControls, Expression
from pipeline.face_detector import FaceDetector, open_face_detector
from pipeline.frame_history import KEPT_FRAMES, FrameHistory
from pipeline.frame_renderer import FrameRenderer
from pipeline.motion_editor import MotionEdit, resolve
from pipeline.motion_glide import MotionGlide
from pipeline.motion_sampler import MotionSampler, WindowSettings
from pipeline.portrait import Portrait, encode_portrait


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How one stream is drawn; raises ConfigError where a value has no meaning.

    hop_frames: frames kept of each window; fewer is lower latency for more work
    lookahead_frames: further frames of sound that a window waits for
    seed: of the noise that motion is drawn from
    emotion: one of contract.spec.EMOTIONS; None is predicted where the bundle can, else neutral
    audio_guidance, emotion_guidance: scales; None is the bundle's own
    motion_edits: coefficients of the motion basis to move or hold in every frame
    """

    hop_frames: int = 5
    lookahead_frames: int = 2
    seed: int = 0
    emotion: str | None = None
    audio_guidance: float | None = None
    emotion_guidance: float | None = None
    motion_edits: tuple[MotionEdit, ...] = ()

    def __post_init__(self) -> None:
        for name, lowest in (("hop_frames", 1), ("lookahead_frames", 0), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < lowest:
                raise ConfigError(f"{name} {value!r}, expected a whole number of at least {lowest}")
        if self.seed >= 2**64:
            raise ConfigError(f"seed {self.seed}, expected less than 2^64")
        # It refuses an emotion that is none.
        Expression(self.emotion, self.motion_edits)
        for name in ("audio_guidance", "emotion_guidance"):
            scale = getattr(self, name)
            if scale is not None and not isfinite(scale):
                raise ConfigError(f"{name} {scale!r}, expected a finite number")

    def window(self, spec: AvatarSpec) -> WindowSettings:
        """The windows of this stream with a bundle's defaults filled in; raises ConfigError where they do not fit."""
        num_new = self.hop_frames + self.lookahead_frames
        if num_new > spec.window_frames:
            raise ConfigError(
                f"hop_frames {self.hop_frames} and lookahead_frames {self.lookahead_frames} make {num_new} frames, "
                f"expected at most the {spec.window_frames} of this bundle's window"
            )
        resolve(self.motion_edits, spec)
        return WindowSettings(
            hop_frames=self.hop_frames,
            lookahead_frames=self.lookahead_frames,
            euler_points=spec.euler_points,
            audio_guidance=spec.audio_guidance if self.audio_guidance is None else self.audio_guidance,
            emotion_guidance=spec.emotion_guidance if self.emotion_guidance is None else self.emotion_guidance,
        )


class AvatarStream(Protocol):
    """One voice on its way to one face. Not for two threads at once."""

    @property
    def delay_frames(self) -> int:
        """How many later chunks must be pushed, at worst, before the frame of a chunk can come out."""
        ...

    def push(self, chunk: SpeechChunk) -> Iterator[AvatarFrame]:
        """Take the next chunk; the frames now possible are rendered as the caller iterates, always to the end."""
        ...

    def flush(self) -> Iterator[AvatarFrame]:
        """Every frame that is still inside, as if silence followed. The next chunk starts anew."""
        ...

    def reset(self) -> None:
        """Forget everything that was pushed; the next chunk starts anew."""
        ...

    def rewind(self, last_index: int) -> list[SpeechChunk]:
        """Go back to where this frame was the last one: all later ones count as never drawn, painted or not.

        Motion goes on from that frame. An iterator got before gives nothing of use any more.
        last_index: a frame that was given lately, or -1 for the time before the first
        Returns the later chunks, the oldest first. They, or others of the same indexes, are to be pushed next.
        """
        ...

    def direct(self, expression: Expression) -> None:
        """Change what is asked of the face; raises ConfigError, and changes nothing, where it can't be had.

        The emotion counts from the next window drawn, the edits from the next frame painted. The motion glides over to
        either: EMOTION_GLIDE_FRAMES of pipeline.emotion_glide, GLIDE_FRAMES of pipeline.motion_glide.
        """
        ...


class Avatar(Protocol):
    """A model that can take on portraits and run streams; shared by all sessions and their threads."""

    @property
    def spec(self) -> AvatarSpec:
        """Sizes and defaults."""
        ...

    @property
    def controls(self) -> AvatarControls:
        """What its streams can be asked for."""
        ...

    def prepare(self, picture: UInt8Array, crop: bool = True) -> Portrait:
        """Make a portrait of a picture [height, width, 3] uint8, RGB; raises PortraitError."""
        ...

    def start(self, portrait: Portrait, settings: StreamSettings, clip: Float32Array | None = None) -> AvatarStream:
        """Begin a stream; raises ConfigError where the settings do not fit the model.

        clip: [at least 1] float32, all the sound of the chunks to come where it is known beforehand (audio mode
            whole_clip); None hears it as it comes (rolling)
        """
        ...

    def close(self) -> None:
        """Release what the avatar holds. Nothing of it may be used afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class AvatarEngines:
    """The components of a bundle, ready to run."""

    audio_encoder: Engine
    portrait_encoder: Engine
    flow_transformer: Engine
    frame_decoder: Engine
    emotion_classifier: Engine | None = None

    def close(self) -> None:
        """Release all of them."""
        for engine in (self.audio_encoder, self.portrait_encoder, self.flow_transformer, self.frame_decoder):
            engine.close()
        if self.emotion_classifier is not None:
            self.emotion_classifier.close()


class NeuralAvatar:
    """The avatar of a bundle's networks."""

    def __init__(
        self,
        spec: AvatarSpec,
        engines: AvatarEngines,
        motion_basis: Float32Array | None = None,
        face_detector: FaceDetector | None = None,
    ) -> None:
        """motion_basis: [latent_dim, directions] float32, orthonormal columns; without it motion can't be edited.

        face_detector: None is the one inside OpenCV
        """
        self.spec = spec
        self.engines = engines
        self._motion_basis = motion_basis
        self._face_detector = face_detector or open_face_detector()

    @property
    def controls(self) -> AvatarControls:
        """What its streams can be asked for."""
        spec = self.spec
        names = spec.motion_names or tuple(map(str, range(spec.num_motion_directions)))
        hears_emotion = self.engines.emotion_classifier is not None
        return AvatarControls(EMOTIONS, hears_emotion, () if self._motion_basis is None else names)

    def prepare(self, picture: UInt8Array, crop: bool = True) -> Portrait:
        """Make a portrait of a picture [height, width, 3] uint8, RGB; raises PortraitError."""
        return encode_portrait(self.engines.portrait_encoder, self.spec, picture, self._face_detector if crop else None)

    def start(self, portrait: Portrait, settings: StreamSettings, clip: Float32Array | None = None) -> "NeuralStream":
        """Begin a stream; raises ConfigError where the settings do not fit the model.

        clip: [at least 1] float32, all the sound of the chunks to come where it is known beforehand (audio mode
            whole_clip); None hears it as it comes (rolling)
        """
        engines, spec, window = self.engines, self.spec, settings.window(self.spec)
        flow = engines.flow_transformer.bind(reference_motion=portrait.reference_motion)
        decoder = engines.frame_decoder.bind(identity_latent=portrait.identity_latent, **portrait.feature_pyramid)
        encoder, classifier = engines.audio_encoder, engines.emotion_classifier
        conditions: Conditions | ClipConditions
        if clip is None:
            groups = FrameGroups(window.hop_frames + window.lookahead_frames, window.hop_frames)
            conditions = Conditions(encoder, spec, settings.emotion, classifier, groups)
        else:
            conditions = ClipConditions(encoder, spec, clip, settings.emotion, classifier)
        stages = NeuralStages(
            conditions,
            MotionSampler(flow, spec, window, settings.seed),
            motion_editor(settings, spec, self._motion_basis),
            FrameRenderer(decoder),
        )
        return NeuralStream(stages, delay_frames(spec, window), settings.emotion)

    def close(self) -> None:
        """Release the engines."""
        self.engines.close()


@dataclass(frozen=True, slots=True)
class NeuralStages:
    """What one frame goes through, in this order."""

    conditions: Conditions | ClipConditions
    sampler: MotionSampler
    editor: MotionGlide
    renderer: FrameRenderer


class NeuralStream:
    """The stages in a row."""

    def __init__(self, stages: NeuralStages, delay_frames: int, emotion: str | None = None) -> None:
        """emotion: that the conditions were begun with."""
        self._stages = stages
        self._delay_frames = delay_frames
        self._emotion = emotion
        self._heard: FrameHistory[SpeechChunk] = FrameHistory()

    @property
    def delay_frames(self) -> int:
        """How many later chunks must be pushed, at worst, before the frame of a chunk can come out."""
        return self._delay_frames

    def push(self, chunk: SpeechChunk) -> Iterator[AvatarFrame]:
        """Take the next chunk; the frames now possible are rendered as the caller iterates, always to the end."""
        # Motion is drawn here and now, pictures one by one: the first can be on its way before the last is painted.
        stages = self._stages
        self._heard.add(chunk.index, chunk)
        return self._render([drawn for frame in stages.conditions.push(chunk) for drawn in stages.sampler.push(frame)])

    def flush(self) -> Iterator[AvatarFrame]:
        """Every frame that is still inside, as if silence followed. The next chunk starts anew."""
        stages = self._stages
        self._heard.clear()
        motion = [drawn for frame in stages.conditions.flush() for drawn in stages.sampler.push(frame)]
        return self._render(motion + stages.sampler.flush())

    def reset(self) -> None:
        """Forget everything that was pushed; the next chunk starts anew. What was asked for still is."""
        self._heard.clear()
        self._stages.conditions.reset()
        self._stages.sampler.reset()
        self._stages.editor.settle()

    def rewind(self, last_index: int) -> list[SpeechChunk]:
        """Go back to where this frame was the last one; gives the later chunks, which are to be pushed again."""
        stages = self._stages
        taken = self._heard.take_back(last_index)
        stages.conditions.rewind(len(taken), [chunk.pcm for chunk in self._heard.newest(KEPT_FRAMES)])
        stages.sampler.rewind(last_index)
        stages.editor.rewind(last_index)
        return taken

    def direct(self, expression: Expression) -> None:
        """Change what is asked of the face; raises ConfigError, and changes nothing, where it can't be had."""
        stages = self._stages
        stages.editor.direct(expression.motion_edits)
        if expression.emotion != self._emotion:
            self._emotion = expression.emotion
            stages.conditions.choose(expression.emotion)
            # Frames whose sound is there already wait for their window, which is the next.
            stages.sampler.choose(stages.conditions.emotion)

    def _render(self, motion: list[MotionFrame]) -> Iterator[AvatarFrame]:
        return (self._stages.renderer.push(self._stages.editor.push(frame)) for frame in motion)


def motion_editor(settings: StreamSettings, spec: AvatarSpec, basis: Float32Array | None) -> MotionGlide:
    """The editor of a stream's motion, with the edits of the settings; raises ConfigError where they can't be made.

    basis: [latent_dim, directions] float32, orthonormal columns
    """
    return MotionGlide(basis, spec, settings.motion_edits)


def delay_frames(spec: AvatarSpec, window: WindowSettings) -> int:
    """How many later chunks the first frame of a window waits for, at worst over all windows."""
    if spec.audio_statistics:
        # Calls of the audio encoder give just what the next window lacks.
        return window.hop_frames + window.lookahead_frames - 1 + spec.audio_lookahead_frames
    worst = 0
    # The pattern of windows over calls of the audio encoder repeats after so many windows.
    for i in range(spec.audio_chunk_frames):
        first = i * window.hop_frames
        last = first + window.hop_frames + window.lookahead_frames - 1
        last_of_call = (last // spec.audio_chunk_frames + 1) * spec.audio_chunk_frames - 1
        worst = max(worst, last_of_call + spec.audio_lookahead_frames - first)
    return worst

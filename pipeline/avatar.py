"""The avatar: a portrait and a voice in, frames of that face speaking out.

In: `SpeechChunk`, one every 40 ms. Out: `AvatarFrame`, the same indexes in the same order, some frames later.

    conditions -> motion_sampler -> motion_glide -> still_frames -> frame_renderer

`Avatar` and `AvatarStream` are what the server and the tools know. `NeuralAvatar` is the one that runs a bundle's
networks, and `pipeline.test_pattern` the one that measures transport.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from contract.packets import AvatarFrame, Float32Array, MotionFrame, SpeechChunk, UInt8Array
from contract.spec import EMOTIONS, AvatarSpec
from engines.base import Engine
from pipeline.audio_features import FrameGroups
from pipeline.avatar_protocol import Avatar, AvatarStream
from pipeline.conditions import ClipConditions, Conditions
from pipeline.expression import AvatarControls, Expression
from pipeline.face_detector import FaceDetector, open_face_detector
from pipeline.frame_history import KEPT_FRAMES, FrameHistory
from pipeline.frame_renderer import FrameRenderer
from pipeline.motion_distance import motion_distance
from pipeline.motion_glide import MotionGlide
from pipeline.motion_noise import NoiseScale
from pipeline.motion_sampler import MotionSampler, WindowSettings
from pipeline.portrait import Portrait, encode_portrait
from pipeline.still_frames import BegunFrame, StillFrames
from pipeline.stream_settings import StreamSettings
from pipeline.voice_activity import LastingSilence

__all__ = [
    "Avatar",
    "AvatarEngines",
    "AvatarStream",
    "NeuralAvatar",
    "NeuralStages",
    "NeuralStream",
    "StreamSettings",
    "delay_frames",
    "motion_editor",
]


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
        """motion_basis: [latent_dim, directions] float32, orthonormal columns; without it motion can't be edited

        face_detector: None is the one inside OpenCV
        Raises BundleError where the bundle scales noise along motion directions and has no basis.
        """
        self.spec = spec
        self.engines = engines
        self._motion_basis = motion_basis
        self.noise_scale = NoiseScale(spec.noise_scales, motion_basis)
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
        decoder = engines.frame_decoder.bind(**portrait.of_decoder)
        encoder, classifier = engines.audio_encoder, engines.emotion_classifier
        conditions: Conditions | ClipConditions
        if clip is None:
            groups = FrameGroups(window.hop_frames + window.lookahead_frames, window.hop_frames)
            conditions = Conditions(encoder, spec, settings.emotion, classifier, groups)
        else:
            conditions = ClipConditions(encoder, spec, clip, settings.emotion, classifier)
        is_relaxed = settings.relaxes_in_silence
        stages = NeuralStages(
            conditions,
            self.sampler(portrait, settings),
            motion_editor(settings, spec, self._motion_basis),
            StillFrames(FrameRenderer(decoder), motion_distance(spec, self._motion_basis) if is_relaxed else None),
            LastingSilence() if is_relaxed else None,
        )
        return NeuralStream(stages, delay_frames(spec, window), settings.emotion)

    def sampler(self, portrait: Portrait, settings: StreamSettings) -> MotionSampler:
        """What draws the motion of a stream; raises ConfigError where the settings do not fit the model."""
        flow = self.engines.flow_transformer.bind(reference_motion=portrait.reference_motion)
        return MotionSampler(flow, self.spec, settings.window(self.spec), settings.seed, self.noise_scale)

    def close(self) -> None:
        """Release the engines."""
        self.engines.close()


@dataclass(frozen=True, slots=True)
class NeuralStages:
    """What one frame goes through, in this order, and beside it what tells where the work may be relaxed, if it may."""

    conditions: Conditions | ClipConditions
    sampler: MotionSampler
    editor: MotionGlide
    renderer: StillFrames
    silence: LastingSilence | None


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

    def push(self, chunk: SpeechChunk, num_waiting: int = 0) -> Iterator[AvatarFrame]:
        """Take the next chunk; the frames now possible are rendered as the caller iterates, always to the end."""
        # Motion is drawn here and now, pictures one by one: the first can be on its way before the last is painted.
        stages = self._stages
        self._heard.add(chunk.index, chunk)
        is_quiet = stages.silence is not None and stages.silence.push(chunk)
        conditioned = stages.conditions.push(chunk)
        num_coming = stages.conditions.num_given_for(num_waiting)
        return self._render([d for frame in conditioned for d in stages.sampler.push(frame, is_quiet, num_coming)])

    def flush(self) -> Iterator[AvatarFrame]:
        """Every frame that is still inside, as if silence followed. The next chunk starts anew."""
        stages = self._stages
        self._heard.clear()
        is_quiet = stages.silence is not None and stages.silence.lasts
        motion = [drawn for frame in stages.conditions.flush() for drawn in stages.sampler.push(frame, is_quiet)]
        if stages.silence is not None:
            stages.silence.reset()
        return self._render_last(motion + stages.sampler.flush())

    def reset(self) -> None:
        """Forget everything that was pushed; the next chunk starts anew. What was asked for still is."""
        self._heard.clear()
        self._stages.conditions.reset()
        self._stages.sampler.reset()
        self._stages.editor.settle()
        self._stages.renderer.reset()
        if self._stages.silence is not None:
            self._stages.silence.reset()

    def rewind(self, last_index: int) -> list[SpeechChunk]:
        """Go back to where this frame was the last one; gives the later chunks, which are to be pushed again."""
        stages = self._stages
        taken = self._heard.take_back(last_index)
        stages.conditions.rewind(len(taken), [chunk.pcm for chunk in self._heard.newest(KEPT_FRAMES)])
        stages.sampler.rewind(last_index)
        stages.editor.rewind(last_index)
        stages.renderer.reset()
        if stages.silence is not None:
            stages.silence.rewind(last_index)
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
        stages = self._stages
        begun: deque[BegunFrame] = deque()
        for frame in motion:
            begun.append(stages.renderer.begin(stages.editor.push(frame)))
            if len(begun) == stages.renderer.frames_at_once:
                yield begun.popleft().finish()
        for frame_begun in begun:
            yield frame_begun.finish()

    def _render_last(self, motion: list[MotionFrame]) -> Iterator[AvatarFrame]:
        yield from self._render(motion)
        self._stages.renderer.reset()


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

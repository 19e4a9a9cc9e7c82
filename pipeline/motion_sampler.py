"""Motion is drawn from sound: a flow from noise to motion latents, in windows that carry their past with them.

In: `ConditionedFrame`. Out: `MotionFrame`, the same indexes in the same order.

A window is the carried-over frames and `hop_frames + lookahead_frames` new ones. The first `hop_frames` are kept, and
the next window starts after them. Attention reaches only a few frames, so what lies beyond the look-ahead hardly
matters (Ki, Min, Chae, FLOAT, ICCV 2025, section 3.3; the cut's error is measured, not assumed).

A stream can go back to any of its latest frames (`rewind`). The frames after it keep their indexes, and so their noise:
drawn again from the same sound they are the same, as far as windows begin at the same frames. From other sound, motion
sets out from where it stands, and goes over to what is drawn now within a few frames.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from contract.packets import ConditionedFrame, Float32Array, MotionFrame
from contract.spec import AvatarSpec
from engines.base import Engine
from pipeline.emotion_glide import SPLICE_GLIDE_FRAMES, EmotionGlide
from pipeline.frame_history import FrameHistory


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """How one window is cut and solved; `hop_frames + lookahead_frames` is its number of new frames."""

    hop_frames: int
    lookahead_frames: int
    euler_points: int
    audio_guidance: float
    emotion_guidance: float


@dataclass(frozen=True, slots=True, eq=False)
class WindowState:
    """What one window leaves to the next.

    carried_motion: [carried_frames, latent_dim] float32, the last motion kept
    carried_audio: [carried_frames, audio_feature_dim] float32, its audio features
    """

    carried_motion: Float32Array
    carried_audio: Float32Array


def first_state(spec: AvatarSpec) -> WindowState:
    """The state before the first window: zeros."""
    return WindowState(
        carried_motion=np.zeros((spec.carried_frames, spec.latent_dim), np.float32),
        carried_audio=np.zeros((spec.carried_frames, spec.audio_feature_dim), np.float32),
    )


def frame_noise(seed: int, first_index: int, num_frames: int, latent_dim: int) -> Float32Array:
    """Normal noise that belongs to absolute frame indexes: the same index draws the same row in every window.

    Returns [num_frames, latent_dim] float32.
    """
    # The index stands in the counter's upper half, so the rows of a frame never run into the next frame's.
    generators = (np.random.Philox(key=seed, counter=i << 128) for i in range(first_index, first_index + num_frames))
    rows = [np.random.Generator(generator).standard_normal(latent_dim, np.float32) for generator in generators]
    return np.stack(rows)


def sample_window(
    engine: Engine,
    settings: WindowSettings,
    state: WindowState,
    audio_features: Float32Array,
    emotion: Float32Array,
    noise: Float32Array,
) -> tuple[Float32Array, WindowState]:
    """Draw the motion of one window by Euler's method and keep its first `hop_frames`.

    engine: the flow transformer, with the portrait's `reference_motion` bound
    audio_features: [1 ... hop + lookahead, audio_feature_dim] float32; a short last window repeats its last row
    emotion: [num_emotions] float32
    noise: [hop + lookahead, latent_dim] float32
    Returns motion [at most hop_frames, latent_dim] float32, cut to the given audio, and the next window's state.
    """
    num_new = settings.hop_frames + settings.lookahead_frames
    num_given = len(audio_features)
    assert 1 <= num_given <= num_new, f"{num_given} audio features, expected 1 to {num_new}"
    assert len(noise) == num_new, f"{len(noise)} rows of noise, expected {num_new}"
    if num_given < num_new:
        audio_features = np.concatenate([audio_features, np.repeat(audio_features[-1:], num_new - num_given, axis=0)])
    fixed = {
        "audio_features": audio_features[None],
        "carried_motion": state.carried_motion[None],
        "carried_audio": state.carried_audio[None],
        "emotion": emotion[None],
        "audio_guidance": np.array([settings.audio_guidance], np.float32),
        "emotion_guidance": np.array([settings.emotion_guidance], np.float32),
    }
    motion = noise[None].astype(np.float32)
    times = np.linspace(0, 1, settings.euler_points, dtype=np.float32)
    for time, next_time in pairwise(times):
        velocity = engine.run(noisy_motion=motion, time=np.array([time], np.float32), **fixed)["velocity"]
        motion = motion + (next_time - time) * velocity
    num_kept = min(settings.hop_frames, num_given)
    kept = motion[0, :num_kept].astype(np.float32)
    num_carried = len(state.carried_motion)
    next_state = WindowState(
        carried_motion=np.concatenate([state.carried_motion, kept])[-num_carried:],
        carried_audio=np.concatenate([state.carried_audio, audio_features[:num_kept]])[-num_carried:],
    )
    return kept, next_state


@dataclass(frozen=True, slots=True, eq=False)
class DrawnFrame:
    """What is needed to go on after one frame.

    carried_motion: [latent_dim] float32, as the next window carries it over
    motion_latent: [latent_dim] float32, as it was given
    audio_features: [audio_feature_dim] float32
    emotion: [num_emotions] float32, that its window was drawn with
    fading: [frames, latent_dim] float32 each, differences between emotions that fade after it
    """

    carried_motion: Float32Array
    motion_latent: Float32Array
    audio_features: Float32Array
    emotion: Float32Array
    fading: tuple[Float32Array, ...]


class MotionSampler:
    """The motion of one stream, window by window."""

    def __init__(self, engine: Engine, spec: AvatarSpec, settings: WindowSettings, seed: int = 0) -> None:
        """engine: the flow transformer, with the portrait's `reference_motion` bound."""
        self._engine = engine
        self._spec = spec
        self._settings = settings
        self._seed = seed
        self._glide = EmotionGlide()
        self._drawn: FrameHistory[DrawnFrame] = FrameHistory()
        self.reset()

    def reset(self) -> None:
        """Start anew: nothing waiting, nothing carried over."""
        self._waiting: list[ConditionedFrame] = []
        self._state = first_state(self._spec)
        self._drawn_emotion: Float32Array | None = None
        self._left_emotion: Float32Array | None = None
        self._glide.reset()
        self._drawn.clear()
        self._stands_at: Float32Array | None = None
        self._taken_back: Float32Array | None = None

    def rewind(self, last_index: int) -> None:
        """Go back to where this frame was the last one drawn: the next one pushed is to be the one after it.

        A frame before the first one begins anew, and one before all that is kept does, too.
        """
        # Gone back twice before anything is drawn, the first time took it all.
        if taken := self._drawn.take_back(last_index):
            self._taken_back = taken[0].carried_motion
        carried = self._drawn.newest(self._spec.carried_frames)
        if not carried:
            self.reset()
            return
        start = first_state(self._spec)
        motion = np.stack([frame.carried_motion for frame in carried])
        audio_features = np.stack([frame.audio_features for frame in carried])
        self._waiting = []
        self._state = WindowState(
            carried_motion=np.concatenate([start.carried_motion, motion])[-self._spec.carried_frames :],
            carried_audio=np.concatenate([start.carried_audio, audio_features])[-self._spec.carried_frames :],
        )
        self._glide.restore(carried[-1].fading)
        self._stands_at = carried[-1].motion_latent
        # Where another emotion was chosen meanwhile, the next window goes over to it from that of this frame.
        self._drawn_emotion = self._left_emotion = carried[-1].emotion

    def choose(self, emotion: Float32Array) -> None:
        """Go over to another emotion, from the next window on, also of the frames that wait.

        emotion: [num_emotions] float32
        """
        self._waiting = [replace(frame, emotion=emotion) for frame in self._waiting]
        self._left_emotion = self._drawn_emotion

    def push(self, frame: ConditionedFrame) -> list[MotionFrame]:
        """Take one frame; give the window's kept frames when its look-ahead is there."""
        self._waiting.append(frame)
        num_new = self._settings.hop_frames + self._settings.lookahead_frames
        return self._sample() if len(self._waiting) == num_new else []

    def flush(self) -> list[MotionFrame]:
        """Give all frames that wait, from windows cut short; then start anew."""
        frames: list[MotionFrame] = []
        while self._waiting:
            frames += self._sample()
        self.reset()
        return frames

    def _sample(self) -> list[MotionFrame]:
        waiting, settings = self._waiting, self._settings
        num_new = settings.hop_frames + settings.lookahead_frames
        state, emotion = self._state, waiting[0].emotion
        audio_features = np.stack([frame.audio_features for frame in waiting])
        noise = frame_noise(self._seed, waiting[0].chunk.index, num_new, self._spec.latent_dim)
        motion, self._state = sample_window(self._engine, settings, state, audio_features, emotion, noise)
        left, as_before = self._left_emotion, motion
        if left is not None and not np.array_equal(left, emotion):
            # Once more as it would have gone on: the two differ in nothing but the emotion.
            as_before, _ = sample_window(self._engine, settings, state, audio_features, left, noise)
        self._begin_glides(motion, as_before)
        self._drawn_emotion, self._left_emotion = emotion, None
        return self._give(motion, emotion)

    def _begin_glides(self, motion: Float32Array, as_before: Float32Array) -> None:
        """Go over to this motion from that of the emotion before, and from the last frame where the stream went back.

        motion, as_before: [frames, latent_dim] float32; the same object where the emotion is
        """
        is_as_it_was = self._taken_back is not None and np.array_equal(self._taken_back, motion[0])
        far = None if self._stands_at is None or is_as_it_was else self._stands_at - self._glide.added(as_before)
        self._stands_at = self._taken_back = None
        if as_before is not motion:
            self._glide.begin(as_before - motion)
        if far is not None:
            self._glide.begin(far, SPLICE_GLIDE_FRAMES)

    def _give(self, motion: Float32Array, emotion: Float32Array) -> list[MotionFrame]:
        """Give and remember the kept frames, with what fades. motion: [frames, latent_dim] float32, as carried over."""
        kept, self._waiting = self._waiting[: len(motion)], self._waiting[len(motion) :]
        fading = [self._glide.remaining(i + 1) for i in range(len(motion))]
        glided = self._glide.push(motion)
        for i, frame in enumerate(kept):
            drawn = DrawnFrame(motion[i], glided[i], frame.audio_features, emotion, fading[i])
            self._drawn.add(frame.chunk.index, drawn)
        return [MotionFrame(frame.chunk, latent) for frame, latent in zip(kept, glided, strict=True)]

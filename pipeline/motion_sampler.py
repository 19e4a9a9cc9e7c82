"""Motion is drawn from sound: a flow from noise to motion latents, in windows that carry their past with them.

In: `ConditionedFrame`. Out: `MotionFrame`, the same indexes in the same order.

A window is the carried-over frames and `hop_frames + lookahead_frames` new ones. The first `hop_frames` are kept, and
the next window starts after them. Attention reaches only a few frames, so what lies beyond the look-ahead hardly
matters (Ki, Min, Chae, FLOAT, ICCV 2025, section 3.3; the cut's error is measured, not assumed).

Where more sound is there already, as for a stream that is behind, a window is drawn that much longer, up to
`CATCH_UP_FRAMES`: it costs little more than a short one, and the stream catches up.

While nobody speaks a window is drawn further than its sound is there (`pipeline.motion_ahead`). Frames are given out at
the same moments as ever.

A stream can go back to any of its latest frames (`rewind`). The frames after it keep their indexes, and so their noise:
drawn again from the same sound they are the same, as far as windows begin at the same frames. From other sound, motion
sets out from where it stands, and goes over to what is drawn now within a few frames.
"""

from dataclasses import dataclass, replace

import numpy as np

from contract.packets import ConditionedFrame, Float32Array, MotionFrame
from contract.spec import AvatarSpec
from engines.base import Engine
from pipeline.emotion_glide import SPLICE_GLIDE_FRAMES, EmotionGlide
from pipeline.frame_history import FrameHistory
from pipeline.motion_ahead import QUIET_FRAMES, MotionAhead
from pipeline.motion_noise import UNSCALED, NoiseScale, frame_noise
from pipeline.motion_window import WindowSettings, WindowState, draw_motion, first_state, sample_window

__all__ = [
    "DrawnFrame",
    "MotionSampler",
    "WindowSettings",
    "WindowState",
    "first_state",
    "sample_window",
]


# Kept of one window, at most, by a stream that is behind: the first of them is to be painted soon.
CATCH_UP_FRAMES = 8


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

    def __init__(
        self,
        engine: Engine,
        spec: AvatarSpec,
        settings: WindowSettings,
        seed: int = 0,
        noise_scale: NoiseScale = UNSCALED,
    ) -> None:
        """engine: the flow transformer, with the portrait's `reference_motion` bound

        noise_scale: of the avatar; its default leaves the noise as it is
        """
        self._engine = engine
        self._spec = spec
        self._noise_scale = noise_scale
        self._settings = settings
        self._seed = seed
        self._glide = EmotionGlide()
        self._drawn: FrameHistory[DrawnFrame] = FrameHistory()
        self._ahead = MotionAhead()
        longest_frames = spec.window_frames - settings.lookahead_frames
        self._most_kept_frames = max(settings.hop_frames, min(CATCH_UP_FRAMES, longest_frames))
        quiet_frames = max(settings.hop_frames, min(QUIET_FRAMES, longest_frames))
        self._quiet_settings = replace(settings, hop_frames=quiet_frames)
        self.reset()

    def reset(self) -> None:
        """Start anew: nothing waiting, nothing carried over."""
        self._waiting: list[ConditionedFrame] = []
        self._num_quiet = 0  # of those that wait, at the end
        self._num_to_keep = self._settings.hop_frames
        self._ahead.clear()
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
        self._num_quiet = 0
        self._num_to_keep = self._settings.hop_frames
        self._ahead.clear()
        self._state = start.after(motion, audio_features)
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

    def push(self, frame: ConditionedFrame, is_quiet: bool = False, num_coming: int = 0) -> list[MotionFrame]:
        """Take one frame; give the window's kept frames when its look-ahead is there.

        is_quiet: nobody has spoken for a while, up to all the sound that this frame was made of
        num_coming: further frames that will be pushed at once; a window that could be drawn waits for them, and keeps
            them as well
        """
        self._waiting.append(frame)
        self._num_quiet = self._num_quiet + 1 if is_quiet else 0
        num_kept = len(self._waiting) - self._settings.lookahead_frames
        if num_kept == self._settings.hop_frames and not self._is_silent:
            # What comes while it waits is for the next one.
            self._num_to_keep = min(num_kept + num_coming, self._most_kept_frames)
        return self._sample() if num_kept == self._num_to_keep else []

    def flush(self) -> list[MotionFrame]:
        """Give all frames that wait, from windows cut short; then start anew."""
        frames: list[MotionFrame] = []
        while self._waiting:
            frames += self._sample()
        self.reset()
        return frames

    @property
    def _is_silent(self) -> bool:
        """True where a whole window waits, and nobody speaks in all of it."""
        num_new = self._settings.hop_frames + self._settings.lookahead_frames
        return len(self._waiting) == num_new and self._num_quiet >= num_new

    def _sample(self) -> list[MotionFrame]:
        waiting = self._waiting
        motion = self._ahead.take(self._settings.hop_frames, waiting) if self._is_silent else None
        self._num_to_keep = self._settings.hop_frames
        if motion is None:
            motion = self._draw()
        heard = np.stack([frame.audio_features for frame in waiting[: len(motion)]])
        self._state = self._state.after(motion, heard)
        return self._give(motion, waiting[0].emotion)

    def _draw(self) -> Float32Array:
        """Draw a window; gives the motion to keep, [frames, latent_dim] float32: a hop of it, or all that waited."""
        waiting, state, emotion = self._waiting, self._state, self._waiting[0].emotion
        left = self._left_emotion
        if left is not None and np.array_equal(left, emotion):
            left = None
        is_long = self._is_silent and left is None and self._stands_at is None
        hop_frames = max(self._settings.hop_frames, len(waiting) - self._settings.lookahead_frames)
        settings = self._quiet_settings if is_long else replace(self._settings, hop_frames=hop_frames)
        num_new = settings.hop_frames + settings.lookahead_frames
        audio_features = np.stack([frame.audio_features for frame in waiting])
        noise = frame_noise(self._seed, waiting[0].chunk.index, num_new, self._spec.latent_dim)
        noise = self._noise_scale.apply(noise)
        drawn = draw_motion(self._engine, settings, state, audio_features, emotion, noise)
        num_kept = min(hop_frames, len(waiting))
        motion = as_before = drawn[:num_kept]
        self._ahead.clear()
        if is_long:
            self._ahead.keep(drawn[num_kept : settings.hop_frames], waiting[-1])
        if left is not None:
            # Once more as it would have gone on: the two differ in nothing but the emotion.
            as_before = draw_motion(self._engine, settings, state, audio_features, left, noise)[:num_kept]
        self._begin_glides(motion, as_before)
        self._drawn_emotion, self._left_emotion = emotion, None
        return motion

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
        # From this one on nobody speaks, as far as is known.
        first_quiet = max(0, len(self._waiting) - self._num_quiet)
        kept, self._waiting = self._waiting[: len(motion)], self._waiting[len(motion) :]
        self._num_quiet = min(self._num_quiet, len(self._waiting))
        fading = [self._glide.remaining(i + 1) for i in range(len(motion))]
        ahead = self._ahead.motion
        expected = self._glide.added(motion if ahead is None else np.concatenate([motion, ahead]))
        glided = self._glide.push(motion)
        frames = []
        for i, frame in enumerate(kept):
            drawn = DrawnFrame(motion[i], glided[i], frame.audio_features, emotion, fading[i])
            self._drawn.add(frame.chunk.index, drawn)
            following = expected[i + 1 :] if i >= first_quiet else None
            frames.append(MotionFrame(frame.chunk, glided[i], following))
        return frames

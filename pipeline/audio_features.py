"""Sound becomes audio features, one a frame, however it arrives: what reaches a feature is decided by positions alone.

In:  frames of sound at 16 kHz, [640] float32. Out: features [audio_feature_dim] float32, in the same order, some later.

`FixedCalls` is for encoders that take a fixed stretch of sound, `FreeCalls` for those that take any (wav2vec2) and are
told by what to normalise. `clip_features` hears a whole clip at once, as the released FLOAT program does.
"""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from contract.packets import SAMPLES_PER_FRAME, Float32Array
from contract.spec import AvatarSpec
from engines.base import Engine
from pipeline.sound_statistics import NormalisedSound, RunningStatistics, normalised_clip

_SILENCE = np.zeros(SAMPLES_PER_FRAME, np.float32)


class AudioFeatures(Protocol):
    """The audio features of one stream."""

    def push(self, pcm: Float32Array) -> list[Float32Array]:
        """Take one frame of sound; give the features whose sound is now complete."""
        ...

    def flush(self) -> list[Float32Array]:
        """Give the features of all frames that wait; then start anew."""
        ...

    def reset(self) -> None:
        """Start anew: nothing heard, nothing waiting."""
        ...

    def rewind(self, before: list[Float32Array]) -> None:
        """Let nothing wait; the next frame follows these.

        before: [640] float32 each, the sound up to now without what was taken back, the oldest first
        """
        ...


class Normalisation(Protocol):
    """What an encoder that takes any stretch of sound normalises by."""

    def hear(self, pcm: Float32Array) -> None:
        """Take the next frame. pcm: [640] float32."""
        ...

    def normalise(self, pcm: Float32Array) -> NormalisedSound:
        """A stretch of sound, normalised. pcm: [samples] float32."""
        ...

    def reset(self) -> None:
        """Forget what was heard."""
        ...


@dataclass(frozen=True, slots=True)
class FrameGroups:
    """How many frames one call gives, counted from the stream's start: the first call, and each after it.

    With the motion sampler's windows, `hop + look-ahead` and `hop`, no window waits for a call that gives more.
    """

    first_frames: int
    next_frames: int


def audio_features(engine: Engine, spec: AvatarSpec, groups: FrameGroups | None = None) -> AudioFeatures:
    """The audio features of a new stream. groups: of an encoder whose calls are free; None is the bundle's own."""
    if not spec.audio_statistics:
        return FixedCalls(engine, spec)
    groups = groups or FrameGroups(spec.audio_chunk_frames, spec.audio_chunk_frames)
    return FreeCalls(engine, spec, groups, RunningStatistics())


def clip_features(engine: Engine, spec: AvatarSpec, pcm: Float32Array) -> Float32Array:
    """Features of a whole clip, which an encoder with `audio_statistics` hears and normalises as one.

    pcm: [at least 1] float32. Returns [frames, audio_feature_dim] float32, the last frame being filled up.
    """
    if spec.audio_statistics:
        return _run(engine, normalised_clip(pcm))
    calls = FixedCalls(engine, spec)
    frames = np.pad(pcm, (0, -len(pcm) % SAMPLES_PER_FRAME)).astype(np.float32).reshape(-1, SAMPLES_PER_FRAME)
    return np.stack([feature for frame in frames for feature in calls.push(frame)] + calls.flush())


class FixedCalls:
    """Calls of `audio_chunk_frames`, each with a fixed stretch of sound around them and silence beyond the ends."""

    def __init__(self, engine: Engine, spec: AvatarSpec) -> None:
        self._engine = engine
        self._spec = spec
        # What the last call heard and gave: of a microphone that is muted each hears the same.
        self._last: tuple[Float32Array, Float32Array] | None = None
        self.reset()

    def reset(self) -> None:
        """Start anew: silence before the next frame, nothing waiting."""
        self._sound: deque[Float32Array] = deque([_SILENCE] * self._spec.audio_context_frames)
        self._num_waiting = 0

    def rewind(self, before: list[Float32Array]) -> None:
        """Let nothing wait; the next frame follows these. before: [640] float32 each, the oldest first."""
        self.reset()
        self._sound.extend(before)
        while len(self._sound) > self._spec.audio_context_frames:
            self._sound.popleft()

    def push(self, pcm: Float32Array) -> list[Float32Array]:
        """Take one frame of sound; give the features whose sound is now complete."""
        self._num_waiting += 1
        return self._hear(pcm)

    def flush(self) -> list[Float32Array]:
        """Give the features of all frames that wait, with silence after the last one; then start anew."""
        features: list[Float32Array] = []
        while self._num_waiting:
            features += self._hear(_SILENCE)
        self.reset()
        return features

    def _hear(self, pcm: Float32Array) -> list[Float32Array]:
        self._sound.append(pcm)
        if len(self._sound) * SAMPLES_PER_FRAME < self._spec.audio_call_samples:
            return []
        features = self._call(np.concatenate(self._sound))
        for _ in range(self._spec.audio_chunk_frames):
            self._sound.popleft()
        num_given = min(self._spec.audio_chunk_frames, self._num_waiting)
        self._num_waiting -= num_given
        return list(features[:num_given])

    def _call(self, pcm: Float32Array) -> Float32Array:
        if self._last is None or not np.array_equal(self._last[0], pcm):
            self._last = pcm, self._engine.run(pcm=pcm[None])["audio_features"][0].astype(np.float32)
        return self._last[1]


class FreeCalls:
    """Calls of groups of frames with what there is of sound around them: nothing is made up beyond the ends."""

    def __init__(self, engine: Engine, spec: AvatarSpec, groups: FrameGroups, normalisation: Normalisation) -> None:
        self._engine = engine
        self._spec = spec
        self._groups = groups
        self._normalisation = normalisation
        self.reset()

    def reset(self) -> None:
        """Start anew: nothing heard, nothing waiting."""
        self._normalisation.reset()
        self._follow([])

    def rewind(self, before: list[Float32Array]) -> None:
        """Let nothing wait; the next frame follows these. before: [640] float32 each, the oldest first.

        What was heard stays heard: it tells what the voice and its microphone are like, and none of it is spoken.
        """
        self._follow(before[max(0, len(before) - self._spec.audio_context_frames) :])

    def _follow(self, before: list[Float32Array]) -> None:
        self._sound: deque[Float32Array] = deque(before)
        self._num_before = len(before)
        self._group_frames = self._groups.first_frames

    def push(self, pcm: Float32Array) -> list[Float32Array]:
        """Take one frame of sound; give the features whose sound is now complete."""
        self._normalisation.hear(pcm)
        self._sound.append(pcm)
        is_complete = len(self._sound) == self._num_before + self._group_frames + self._spec.audio_lookahead_frames
        return self._call() if is_complete else []

    def flush(self) -> list[Float32Array]:
        """Give the features of all frames that wait; then start anew."""
        features: list[Float32Array] = []
        while len(self._sound) > self._num_before:
            features += self._call()
        self.reset()
        return features

    def _call(self) -> list[Float32Array]:
        features = _run(self._engine, self._normalisation.normalise(np.concatenate(self._sound)))
        given = features[self._num_before :][: self._group_frames]
        self._num_before += len(given)
        while self._num_before > self._spec.audio_context_frames:
            self._sound.popleft()
            self._num_before -= 1
        self._group_frames = self._groups.next_frames
        return list(given)


def _run(engine: Engine, sound: NormalisedSound) -> Float32Array:
    outputs = engine.run(pcm=sound.pcm, window_mean=sound.window_mean, window_root=sound.window_root)
    features: Float32Array = outputs["audio_features"][0].astype(np.float32)
    return features

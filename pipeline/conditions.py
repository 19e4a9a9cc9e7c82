"""Sound becomes what the flow transformer is conditioned on: audio features and an emotion, one of each a frame.

In: `SpeechChunk`. Out: `ConditionedFrame`, the same indexes in the same order.

The audio encoder is called for groups of `audio_chunk_frames` frames, counted from the stream's start, each with a
fixed amount of sound before and after it. Nothing else reaches a feature, so it does not matter how the sound arrived.
"""

from collections import deque

import numpy as np

from contract.packets import SAMPLES_PER_FRAME, ConditionedFrame, Float32Array, SpeechChunk
from contract.spec import EMOTIONS, AvatarSpec
from engines.base import Engine

CLASSIFIER_PERIOD_FRAMES = 25
CLASSIFIER_SPAN_FRAMES = 100
_SILENCE = np.zeros(SAMPLES_PER_FRAME, np.float32)


def emotion_vector(name: str) -> Float32Array:
    """[num_emotions] float32, one at the named emotion and zero elsewhere."""
    vector = np.zeros(len(EMOTIONS), np.float32)
    vector[EMOTIONS.index(name)] = 1
    return vector


class Conditions:
    """Audio features and emotion of each frame of one stream."""

    def __init__(
        self,
        audio_encoder: Engine,
        spec: AvatarSpec,
        emotion: str | None = None,
        emotion_classifier: Engine | None = None,
    ) -> None:
        """emotion: the chosen one; None lets the classifier predict it, or is neutral where there is none."""
        self._audio_encoder = audio_encoder
        self._spec = spec
        self._classifier = emotion_classifier if emotion is None else None
        self._first_emotion = emotion_vector(emotion or "neutral")
        self.reset()

    def reset(self) -> None:
        """Start anew: silence before the next chunk, nothing waiting."""
        self._waiting: deque[SpeechChunk] = deque()
        self._sound: deque[Float32Array] = deque([_SILENCE] * self._spec.audio_context_frames)
        self._heard: deque[Float32Array] = deque(maxlen=CLASSIFIER_SPAN_FRAMES)
        self._num_heard = 0
        self._emotion = self._first_emotion

    def push(self, chunk: SpeechChunk) -> list[ConditionedFrame]:
        """Take one chunk; give the frames whose sound is now complete."""
        self._waiting.append(chunk)
        self._sound.append(chunk.pcm)
        if self._classifier is not None:
            self._classify(self._classifier, chunk.pcm)
        return self._condition()

    def flush(self) -> list[ConditionedFrame]:
        """Give all frames that wait, with silence after the last one; then start anew."""
        frames: list[ConditionedFrame] = []
        while self._waiting:
            self._sound.append(_SILENCE)
            frames += self._condition()
        self.reset()
        return frames

    def _condition(self) -> list[ConditionedFrame]:
        spec = self._spec
        if len(self._sound) < spec.audio_context_frames + spec.audio_chunk_frames + spec.audio_lookahead_frames:
            return []
        features = self._audio_encoder.run(pcm=np.concatenate(self._sound)[None])["audio_features"][0]
        for _ in range(spec.audio_chunk_frames):
            self._sound.popleft()
        chunks = [self._waiting.popleft() for _ in range(min(spec.audio_chunk_frames, len(self._waiting)))]
        return [
            ConditionedFrame(chunk, feature.astype(np.float32), self._emotion)
            for chunk, feature in zip(chunks, features, strict=False)
        ]

    def _classify(self, classifier: Engine, pcm: Float32Array) -> None:
        self._heard.append(pcm)
        self._num_heard += 1
        if self._num_heard % CLASSIFIER_PERIOD_FRAMES == 0:
            outputs = classifier.run(pcm=np.concatenate(self._heard)[None])
            self._emotion = outputs["emotion"][0].astype(np.float32)

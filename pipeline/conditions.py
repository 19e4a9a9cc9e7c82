"""Sound becomes what the flow transformer is conditioned on: audio features and an emotion, one of each a frame.

In: `SpeechChunk`. Out: `ConditionedFrame`, the same indexes in the same order.

`Conditions` hears a stream as it comes (audio mode rolling); `ClipConditions` was given the whole sound beforehand
(audio mode whole_clip, as the released FLOAT program hears).
"""

from collections import deque

from contract.packets import ConditionedFrame, Float32Array, SpeechChunk
from contract.spec import AvatarSpec
from engines.base import Engine
from pipeline.audio_features import FrameGroups, audio_features, clip_features
from pipeline.predicted_emotion import PredictedEmotion, classify_clip, emotion_vector

__all__ = ["ClipConditions", "Conditions", "emotion_vector"]


class Conditions:
    """Audio features and emotion of each frame of one stream."""

    def __init__(
        self,
        audio_encoder: Engine,
        spec: AvatarSpec,
        emotion: str | None = None,
        emotion_classifier: Engine | None = None,
        groups: FrameGroups | None = None,
    ) -> None:
        """Begin with nothing heard.

        emotion: the chosen one; None lets the classifier predict it, or is neutral where there is none
        groups: frames that one call of the audio encoder gives, where that is free
        """
        self._features = audio_features(audio_encoder, spec, groups)
        self._gives_each = spec.hears_each_frame
        self._classifier = emotion_classifier
        self._chosen = emotion_vector(emotion or "neutral")
        is_predicted = emotion is None and emotion_classifier is not None
        self._predicted = PredictedEmotion(emotion_classifier) if is_predicted and emotion_classifier else None
        self._waiting: deque[SpeechChunk] = deque()

    @property
    def emotion(self) -> Float32Array:
        """[num_emotions] float32, of the frames to come as far as is known."""
        return self._chosen if self._predicted is None else self._predicted.vector

    def choose(self, emotion: str | None) -> None:
        """From the next frame on show this emotion; None predicts it, from the present one on, or is neutral."""
        if emotion is None and self._classifier is not None:
            self._predicted = PredictedEmotion(self._classifier, self.emotion)
        else:
            self._chosen, self._predicted = emotion_vector(emotion or "neutral"), None

    def reset(self) -> None:
        """Start anew: nothing heard, nothing waiting."""
        self._waiting.clear()
        self._features.reset()
        if self._predicted is not None:
            self._predicted.reset()

    def rewind(self, num_frames: int, before: list[Float32Array]) -> None:
        """Forget the last chunks, given or waiting.

        num_frames: that were pushed after the last one that stays
        before: [640] float32 each, the sound up to that one, the oldest first
        """
        self._waiting.clear()
        self._features.rewind(before)
        if self._predicted is not None:
            self._predicted.take_back(num_frames)

    def num_given_for(self, num_chunks: int) -> int:
        """How many frames so many further chunks give for certain."""
        return num_chunks if self._gives_each else 0

    def push(self, chunk: SpeechChunk) -> list[ConditionedFrame]:
        """Take one chunk; give the frames whose sound is now complete."""
        self._waiting.append(chunk)
        if self._predicted is not None:
            self._predicted.hear(chunk)
        return self._conditioned(self._features.push(chunk.pcm))

    def flush(self) -> list[ConditionedFrame]:
        """Give all frames that wait; then start anew."""
        frames = self._conditioned(self._features.flush())
        self.reset()
        return frames

    def _conditioned(self, features: list[Float32Array]) -> list[ConditionedFrame]:
        return [ConditionedFrame(self._waiting.popleft(), feature, self.emotion) for feature in features]


class ClipConditions:
    """Audio features and emotion of each frame of a clip that is known as a whole."""

    def __init__(
        self,
        audio_encoder: Engine,
        spec: AvatarSpec,
        pcm: Float32Array,
        emotion: str | None = None,
        emotion_classifier: Engine | None = None,
    ) -> None:
        """Hear the whole clip.

        pcm: [at least 1] float32, the clip as it is
        emotion: the chosen one; None lets the classifier hear it in the clip, or is neutral where there is none
        """
        self._features = clip_features(audio_encoder, spec, pcm)
        self._pcm = pcm
        self._classifier = emotion_classifier
        self.choose(emotion)
        self.reset()

    def choose(self, emotion: str | None) -> None:
        """From the next frame on show this emotion; None is what the classifier hears in the clip, or neutral."""
        if emotion is None and self._classifier is not None:
            self.emotion = classify_clip(self._classifier, self._pcm)
        else:
            self.emotion = emotion_vector(emotion or "neutral")

    def reset(self) -> None:
        """Start anew: the next chunk is the clip's first."""
        self._num_given = 0

    def rewind(self, num_frames: int, before: list[Float32Array]) -> None:
        """Go back by so many chunks; what was before them is known.

        before: [640] float32 each
        """
        self._num_given -= num_frames

    def num_given_for(self, num_chunks: int) -> int:
        """How many frames so many further chunks give for certain."""
        return num_chunks

    def push(self, chunk: SpeechChunk) -> list[ConditionedFrame]:
        """Take the clip's next chunk; give its frame."""
        num_frames = len(self._features)
        assert self._num_given < num_frames, f"chunk {chunk.index} is beyond the clip's {num_frames} frames"
        frame = ConditionedFrame(chunk, self._features[self._num_given], self.emotion)
        self._num_given += 1
        return [frame]

    def flush(self) -> list[ConditionedFrame]:
        """Nothing waits; start anew."""
        self.reset()
        return []

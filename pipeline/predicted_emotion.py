"""The emotion of a voice, predicted again every second and smoothed, so that a face changes its mood as people do.

In: `SpeechChunk`. Out: an emotion vector, the same until the next prediction.
"""

from collections import deque

import numpy as np

from contract.packets import FRAMES_PER_S, MODEL_RATE_HZ, Float32Array, SpeechChunk
from contract.spec import EMOTIONS
from engines.base import Engine
from pipeline.voice_activity import VoiceActivity

PERIOD_FRAMES = FRAMES_PER_S
SPAN_FRAMES = 4 * FRAMES_PER_S
# Of silence or noise the classifier would say something, too: it is asked where so much of what it hears is speech.
LEAST_SPEECH_FRAMES = FRAMES_PER_S
# Two thirds of the way to another emotion after three predictions.
SMOOTHING = 0.3
# Fewer samples than this make no feature in wav2vec2.
LEAST_SAMPLES = 400
# Attention's memory grows with the square of what is heard at once: 3.2 GiB for a minute, 10 for two.
MOST_SAMPLES = 60 * MODEL_RATE_HZ


def emotion_vector(name: str) -> Float32Array:
    """[num_emotions] float32, one at the named emotion and zero elsewhere."""
    vector = np.zeros(len(EMOTIONS), np.float32)
    vector[EMOTIONS.index(name)] = 1
    return vector


def classify(classifier: Engine, pcm: Float32Array) -> Float32Array:
    """The emotion of a stretch of sound. pcm: [at least 1] float32; returns [num_emotions] float32, sum 1."""
    if len(pcm) < LEAST_SAMPLES:
        pcm = np.pad(pcm, (0, LEAST_SAMPLES - len(pcm)), mode="edge")
    emotion: Float32Array = classifier.run(pcm=pcm[None])["emotion"][0].astype(np.float32)
    return emotion


def classify_clip(classifier: Engine, pcm: Float32Array) -> Float32Array:
    """The emotion of a whole clip; of one longer than a minute the mean over equal parts of at most a minute.

    pcm: [at least 1] float32; returns [num_emotions] float32, sum 1
    """
    num_parts = -(-len(pcm) // MOST_SAMPLES)
    heard = [classify(classifier, part) for part in np.array_split(pcm, num_parts)]
    mean: Float32Array = np.mean(heard, axis=0, dtype=np.float32)
    return mean


class PredictedEmotion:
    """The emotion of one stream: neutral at first, then drawn towards what the last seconds of speech say."""

    def __init__(self, classifier: Engine, first: Float32Array | None = None) -> None:
        """first: [num_emotions] float32, the emotion to set out from; None is neutral."""
        self._classifier = classifier
        self._voice_activity = VoiceActivity()
        self.reset()
        if first is not None:
            self.vector = first

    def reset(self) -> None:
        """Start anew: neutral, nothing heard."""
        self._voice_activity.reset()
        self._heard: deque[Float32Array] = deque(maxlen=SPAN_FRAMES)
        self._is_speech: deque[bool] = deque(maxlen=SPAN_FRAMES)
        self._num_heard = 0
        self.vector = emotion_vector("neutral")

    def take_back(self, num_frames: int) -> None:
        """Forget the last chunks. The emotion stays: it is where the face is, and moves on from there."""
        for _ in range(min(num_frames, len(self._heard))):
            self._heard.pop()
            self._is_speech.pop()
            self._num_heard -= 1

    def hear(self, chunk: SpeechChunk) -> None:
        """Take the next chunk; once a second, where there is speech, the emotion moves."""
        self._heard.append(chunk.pcm)
        self._is_speech.append(self._voice_activity.push(chunk))
        self._num_heard += 1
        if self._num_heard % PERIOD_FRAMES == 0 and sum(self._is_speech) >= LEAST_SPEECH_FRAMES:
            predicted = classify(self._classifier, np.concatenate(self._heard))
            self.vector = self.vector + np.float32(SMOOTHING) * (predicted - self.vector)

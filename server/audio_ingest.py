"""The peer's sound on its way in.

In: decoded audio frames of the peer, whenever they come. Out: one numbered `SpeechChunk` a tick, always: silence
where there is no sound, so that the avatar's time goes on while nobody speaks.

The peer's clock is not ours, and packets come late or never. Between them and the tick stands a small buffer:

    nothing for a while     wait for the cushion to fill again before the first sample is used
    too little at a tick    the rest of the chunk is silence (missing)
    a jump in timestamps    silence of that length, less what the tick already filled in (lost)
    filling up or draining  1 ms a chunk (20 ms of a quiet one) is squeezed or stretched away by interpolation
    beyond its bound        the oldest samples go at once (dropped)
"""

from collections import deque
from dataclasses import dataclass

import av
import numpy as np

from contract.errors import IngestError
from contract.packets import (
    MODEL_RATE_HZ,
    SAMPLES_PER_FRAME,
    VOICE_RATE_HZ,
    VOICE_SAMPLES_PER_FRAME,
    Float32Array,
    Int16Array,
    SpeechChunk,
)
from server.loudness import is_quiet
from server.session_counts import SessionCounts

STEP_SAMPLES = VOICE_RATE_HZ // 1000
QUIET_STEP_SAMPLES = VOICE_RATE_HZ * 20 // 1000
WINDOW_TICKS = 25
STARVED_TICKS = 5
LONGEST_GAP_SAMPLES = VOICE_RATE_HZ


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """Sizes of the buffer.

    cushion_samples: what should be left after a chunk was taken, against jitter of the network
    most_samples: what may wait before the oldest are dropped
    """

    cushion_samples: int = VOICE_RATE_HZ * 20 // 1000
    most_samples: int = VOICE_RATE_HZ * 500 // 1000


class AudioIngest:
    """The buffer between the peer's clock and ours. Used from the event loop only."""

    def __init__(self, settings: IngestSettings, counts: SessionCounts) -> None:
        self._settings = settings
        self._counts = counts
        self._to_voice: av.AudioResampler | None = None
        self._to_model = ModelVoice()
        self._samples: Int16Array = np.zeros(0, np.int16)
        self._position_samples = 0  # of the buffer's first sample, since the session began
        self._arrivals: deque[tuple[int, float]] = deque()  # (position after the packet, when it came)
        self._expected_pts: int | None = None
        self._filled_samples = 0  # silence given out since the last packet
        self._flowing = False
        self._starved_ticks = 0
        self._least_left: int | None = None
        self._window_ticks = 0
        self._surplus_samples = 0  # to squeeze (> 0) or stretch (< 0) away
        self._next_index = 0
        self._epoch = 0
        self._interrupted_at_samples = 0  # what came before is silence already

    @property
    def next_index(self) -> int:
        """The index of the next chunk."""
        return self._next_index

    @property
    def waiting_samples(self) -> int:
        """Samples in the buffer."""
        return len(self._samples)

    def feed(self, frame: av.AudioFrame, now_s: float) -> None:
        """Take what the peer sent; raises IngestError where it is no sound of a known form."""
        voice = self._voice(frame)
        if not len(voice):
            return
        self._append(np.concatenate([self._silence_for_gap(frame, len(voice)), voice]), now_s)
        self._filled_samples = 0

    def take(self, now_s: float) -> SpeechChunk:
        """The chunk of this tick. Call once a tick."""
        voice, captured_at_s = self._next_voice(now_s)
        index = self._next_index
        self._next_index += 1
        return SpeechChunk(index, self._to_model.push(voice), voice, self._epoch, captured_at_s)

    def interrupt(self, epoch: int) -> int:
        """Make silence of all that came up to now; gives the number of samples. What comes from now on is kept.

        The buffer stays as full as it was: against jitter it holds the same time, and no chunk comes later.
        """
        end_samples = self._position_samples + len(self._samples)
        num_dropped = end_samples - max(self._position_samples, self._interrupted_at_samples)
        self._samples = np.zeros_like(self._samples)
        self._interrupted_at_samples = end_samples
        self._epoch = epoch
        # The resamplers hold about a millisecond back.
        self._to_voice, self._to_model = None, ModelVoice()
        self._counts.voice_samples_interrupted += num_dropped
        return num_dropped

    def _voice(self, frame: av.AudioFrame) -> Int16Array:
        """[num_samples] int16, mono at 48 kHz."""
        if frame.sample_rate == VOICE_RATE_HZ and frame.format.name == "s16" and frame.layout.name == "stereo":
            pairs = frame.to_ndarray().reshape(-1, 2)
            return ((pairs[:, 0].astype(np.int32) + pairs[:, 1]) // 2).astype(np.int16)
        if self._to_voice is None:
            self._to_voice = av.AudioResampler(format="s16", layout="mono", rate=VOICE_RATE_HZ)
        try:
            parts = [part.to_ndarray()[0] for part in self._to_voice.resample(frame)]
        except (ValueError, av.FFmpegError) as error:
            raise IngestError(
                f"audio of {frame.sample_rate} Hz, {frame.format.name}, {frame.layout.name} can't be resampled: {error}"
            ) from error
        return np.concatenate(parts).astype(np.int16) if parts else np.zeros(0, np.int16)

    def _silence_for_gap(self, frame: av.AudioFrame, num_samples: int) -> Int16Array:
        """Silence for what is missing before this frame, by its timestamp."""
        silence = np.zeros(0, np.int16)
        if frame.pts is None or frame.time_base is None:
            return silence
        pts = int(frame.pts * frame.time_base * VOICE_RATE_HZ)
        if self._expected_pts is not None:
            gap = pts - self._expected_pts
            # A longer pause is a microphone that was off: the ticks have filled it already.
            if 0 < gap <= LONGEST_GAP_SAMPLES:
                missing = max(0, gap - self._filled_samples)
                self._counts.voice_samples_lost += missing
                silence = np.zeros(missing, np.int16)
        self._expected_pts = pts + num_samples
        return silence

    def _append(self, samples: Int16Array, now_s: float) -> None:
        self._samples = np.concatenate([self._samples, samples])
        self._arrivals.append((self._position_samples + len(self._samples), now_s))
        if len(self._samples) > self._settings.most_samples:
            wanted = VOICE_SAMPLES_PER_FRAME + self._settings.cushion_samples
            dropped = len(self._samples) - wanted
            self._counts.voice_samples_dropped += dropped
            self._cut(dropped)
            self._start_window()

    def _next_voice(self, now_s: float) -> tuple[Int16Array, float]:
        available = len(self._samples)
        if not self._flowing:
            if available < VOICE_SAMPLES_PER_FRAME + self._settings.cushion_samples:
                self._filled_samples += VOICE_SAMPLES_PER_FRAME
                return np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16), now_s
            self._flowing = True
            self._starved_ticks = 0
            self._start_window()
        if available < VOICE_SAMPLES_PER_FRAME:
            return self._starve(now_s)
        self._starved_ticks = 0
        step = self._step(available)
        head, captured_at_s = self._cut(VOICE_SAMPLES_PER_FRAME + step)
        self._watch_level(len(self._samples))
        return resized(head, VOICE_SAMPLES_PER_FRAME), captured_at_s

    def _starve(self, now_s: float) -> tuple[Int16Array, float]:
        """What is left, and silence after it."""
        voice = np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16)
        head, _ = self._cut(len(self._samples))
        voice[: len(head)] = head
        missing = VOICE_SAMPLES_PER_FRAME - len(head)
        self._counts.voice_samples_missing += missing
        self._filled_samples += missing
        self._starved_ticks += 1
        self._start_window()
        if self._starved_ticks >= STARVED_TICKS:
            self._flowing = False
        return voice, now_s

    def _cut(self, num_samples: int) -> tuple[Int16Array, float]:
        """Take the oldest samples, and the time at which the last of them came."""
        head, self._samples = self._samples[:num_samples], self._samples[num_samples:]
        self._position_samples += num_samples
        captured_at_s = 0.0
        while self._arrivals:
            end, captured_at_s = self._arrivals[0]
            if end > self._position_samples:
                break
            self._arrivals.popleft()
            if end == self._position_samples:
                break
        return head, captured_at_s

    def _step(self, available: int) -> int:
        """Samples to take beyond (> 0) or below (< 0) one chunk, to bring the buffer back to its cushion."""
        if not self._surplus_samples:
            return 0
        quiet = is_quiet(self._samples[: VOICE_SAMPLES_PER_FRAME + QUIET_STEP_SAMPLES])
        longest = QUIET_STEP_SAMPLES if quiet else STEP_SAMPLES
        step = max(-longest, min(longest, self._surplus_samples))
        step = min(step, available - VOICE_SAMPLES_PER_FRAME)
        self._surplus_samples -= step
        if step > 0:
            self._counts.voice_samples_squeezed += step
        else:
            self._counts.voice_samples_stretched -= step
        return step

    def _watch_level(self, left: int) -> None:
        """Decide once a second from the lowest level seen whether the two clocks have drifted apart."""
        if self._surplus_samples:
            return  # what the last window found is still being put right
        self._least_left = left if self._least_left is None else min(self._least_left, left)
        self._window_ticks += 1
        if self._window_ticks < WINDOW_TICKS:
            return
        cushion = self._settings.cushion_samples
        packet = VOICE_SAMPLES_PER_FRAME // 2
        if self._least_left > cushion + packet or self._least_left < cushion // 2:
            self._start_window(surplus_samples=self._least_left - cushion)
        else:
            self._start_window()

    def _start_window(self, surplus_samples: int = 0) -> None:
        self._least_left = None
        self._window_ticks = 0
        self._surplus_samples = surplus_samples


class ModelVoice:
    """The voice as the model hears it: 16 kHz, 1 ms later than at 48 kHz."""

    def __init__(self) -> None:
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=MODEL_RATE_HZ)
        self._waiting: Float32Array | None = None

    def push(self, voice: Int16Array) -> Float32Array:
        """[640] float32 in [-1, 1] of [1920] int16."""
        frame = av.AudioFrame.from_ndarray(voice[None, :], format="s16", layout="mono")
        frame.sample_rate = VOICE_RATE_HZ
        parts = [part.to_ndarray()[0] for part in self._resampler.resample(frame)]
        if self._waiting is None:
            # The filter keeps the first samples back; leading silence of that length makes every chunk whole.
            self._waiting = np.zeros(SAMPLES_PER_FRAME - sum(map(len, parts)), np.float32)
        pcm = np.concatenate([self._waiting, *parts]).astype(np.float32)
        self._waiting = pcm[SAMPLES_PER_FRAME:]
        return pcm[:SAMPLES_PER_FRAME]


def resized(voice: Int16Array, num_samples: int) -> Int16Array:
    """The same sound in `num_samples` samples, by linear interpolation; itself where it has that many."""
    if len(voice) == num_samples:
        return voice
    at = np.linspace(0, len(voice) - 1, num_samples)
    return np.interp(at, np.arange(len(voice)), voice).round().astype(np.int16)

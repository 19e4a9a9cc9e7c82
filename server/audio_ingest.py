"""The peer's sound on its way in.

In: decoded audio frames of the peer, whenever they come. Out: one numbered `SpeechChunk` a tick, silence where there
is no sound, so that the avatar's time goes on while nobody speaks. A session that is behind asks for it in a hurry
(`server.pacing`), and gets fewer chunks than ticks with the same words in them.

The peer's clock is not ours, and packets come late or never. Between them and the tick stands a small buffer:

    nothing for a while     wait for the cushion to fill again before the first sample is used
    too little at a tick    the rest of the chunk is silence (missing); for a while the cushion is larger by that
    a jump in timestamps    silence of that length, less what the tick already filled in (lost)
    the clocks drift apart  up to 4 samples a chunk are squeezed or stretched away, a pitch 3.6 cents off at most
    a frame too many        quiet sound is left out (trimmed), else 10 to 20 ms a chunk, as whole periods (hurried)
    in a hurry              the same, and no chunk until there is enough for one
    later frames are late   a quiet chunk is given twice (repeated): `server.pacing` asks for it
    beyond its bound        the oldest samples go at once (dropped)
"""

from dataclasses import dataclass

import av
import numpy as np

from contract.packets import VOICE_RATE_HZ, VOICE_SAMPLES_PER_FRAME, Int16Array, SpeechChunk
from server.loudness import is_quiet
from server.model_voice import ModelVoice
from server.peer_voice import PeerVoice
from server.session_counts import SessionCounts
from server.voice_buffer import VoiceBuffer
from server.voice_splice import FADE_SAMPLES, MOST_CUT_SAMPLES, resampled, shortened

STEP_SAMPLES = 4
PACKET_SAMPLES = VOICE_SAMPLES_PER_FRAME // 2
# A margin this far from what is wanted is drift to be put right; farther by a packet, more than drift.
TOLERANCE_SAMPLES = VOICE_RATE_HZ * 5 // 1000
WINDOW_TICKS = 25
STARVED_TICKS = 5
# The cushion grows by what was late, up to this, and shrinks again by 1 ms a window.
MOST_RESERVE_SAMPLES = VOICE_RATE_HZ * 60 // 1000
RESERVE_STEP_SAMPLES = VOICE_RATE_HZ // 1000


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """Sizes of the buffer.

    cushion_samples: sound that should be to spare when a chunk is taken, against jitter of the network
    most_samples: what may wait before the oldest are dropped
    """

    cushion_samples: int = VOICE_RATE_HZ * 10 // 1000
    most_samples: int = VOICE_RATE_HZ * 500 // 1000


class AudioIngest:
    """The buffer between the peer's clock and ours. Used from the event loop only."""

    def __init__(self, settings: IngestSettings, counts: SessionCounts) -> None:
        self._settings = settings
        self._counts = counts
        self._peer = PeerVoice()
        self._to_model = ModelVoice()
        self._buffer = VoiceBuffer()
        self._last_voice: Int16Array = np.zeros(
            VOICE_SAMPLES_PER_FRAME, np.int16
        )  # given out before the buffer's first
        self._filled_samples = 0  # silence given out since the last packet
        self._flowing = False
        self._starved_ticks = 0
        self._late_samples = 0  # missing since sound last came in time
        self._reserve_samples = 0  # on top of the cushion, for what was late
        self._least_margin: int | None = None
        self._window_ticks = 0
        self._surplus_samples = 0  # to take out (> 0) or put in (< 0)
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
        return len(self._buffer)

    def feed(self, frame: av.AudioFrame, now_s: float) -> None:
        """Take what the peer sent; raises IngestError where it is no sound of a known form."""
        voice = self._peer.samples(frame)
        if not len(voice):
            return
        self._counts.voice_samples_received += len(voice)
        silence = self._silence_for(self._peer.gap_samples(frame, len(voice)))
        self._append(np.concatenate([silence, voice]) if len(silence) else voice, now_s)
        self._filled_samples = 0

    def take(self, now_s: float) -> SpeechChunk:
        """The chunk of this tick. Call once a tick, this or `take_in_hurry`."""
        chunk = self._chunk(self._next_voice(now_s))
        assert chunk is not None, "every tick has a chunk"
        return chunk

    def take_in_hurry(self, now_s: float, may_shorten: bool) -> SpeechChunk | None:
        """The chunk of this tick, if there is one, where later sound should come sooner.

        Silence is left out and there is no chunk for it. Speech is shortened if it may be, and there is a chunk when
        enough of it is there; otherwise speech is left as it is.
        """
        return self._chunk(self._next_voice_in_hurry(now_s, may_shorten))

    def repeat_quiet(self, now_s: float) -> SpeechChunk | None:
        """A chunk more than there is sound: the last one again, backwards, if it was quiet; None where it was not.

        All later sound comes a tick later for it, and what is made of it has a tick more to be ready in.
        """
        if not is_quiet(self._last_voice):
            return None
        self._counts.voice_samples_repeated += VOICE_SAMPLES_PER_FRAME
        return self._chunk((np.ascontiguousarray(self._last_voice[::-1]), now_s))

    def interrupt(self, epoch: int) -> int:
        """Make silence of all that came up to now; gives the number of samples. What comes from now on is kept.

        The buffer stays as full as it was: against jitter it holds the same time, and no chunk comes later.
        """
        end_samples = self._buffer.end_samples
        num_dropped = end_samples - max(self._buffer.position_samples, self._interrupted_at_samples)
        self._buffer.silence()
        self._last_voice = np.zeros_like(self._last_voice)
        self._interrupted_at_samples = end_samples
        self._epoch = epoch
        # The resamplers hold about a millisecond back.
        self._peer.forget_sound()
        self._to_model = ModelVoice()
        self._counts.voice_samples_interrupted += num_dropped
        return num_dropped

    def _silence_for(self, gap_samples: int) -> Int16Array:
        """Silence for what was lost, less what the ticks have filled already."""
        if not gap_samples:
            return np.zeros(0, np.int16)
        self._late_samples = 0  # it was lost, and a larger cushion would not help
        missing = max(0, gap_samples - self._filled_samples)
        self._counts.voice_samples_lost += missing
        return np.zeros(missing, np.int16)

    def _append(self, samples: Int16Array, now_s: float) -> None:
        self._buffer.append(samples, now_s)
        if len(self._buffer) > self._settings.most_samples:
            dropped = len(self._buffer) - VOICE_SAMPLES_PER_FRAME - self._cushion_samples
            self._counts.voice_samples_dropped += dropped
            self._buffer.leave_out(dropped)
            self._start_window()

    @property
    def _cushion_samples(self) -> int:
        return self._settings.cushion_samples + self._reserve_samples

    def _next_voice(self, now_s: float) -> tuple[Int16Array, float]:
        """The next chunk's sound, and when the last of it came."""
        if not self._may_flow():
            self._counts.voice_samples_idle += VOICE_SAMPLES_PER_FRAME
            return np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16), now_s
        available = len(self._buffer)
        if available < VOICE_SAMPLES_PER_FRAME:
            return self._starve(now_s)
        if self._surplus_samples >= PACKET_SAMPLES:
            trimmed = self._trim(min(self._surplus_samples, available - VOICE_SAMPLES_PER_FRAME))
            self._surplus_samples -= trimmed
            shorter = None if trimmed else self._shortened(least_left_samples=0)
            if shorter is not None:
                return shorter
        return self._plain(now_s)

    def _next_voice_in_hurry(self, now_s: float, may_shorten: bool) -> tuple[Int16Array, float] | None:
        if not self._may_flow():
            return None
        if len(self._buffer) < VOICE_SAMPLES_PER_FRAME:
            self._count_starved_tick()
            return None
        if self._trim(len(self._buffer) - FADE_SAMPLES):
            self._start_window()
            return None
        if not may_shorten:
            return self._plain(now_s)
        self._start_window()
        return self._shortened(least_left_samples=self._cushion_samples)

    def _may_flow(self) -> bool:
        """False while the cushion fills: this tick has no sound of the peer."""
        if not self._flowing:
            if len(self._buffer) < VOICE_SAMPLES_PER_FRAME + self._cushion_samples:
                self._filled_samples += VOICE_SAMPLES_PER_FRAME
                return False
            self._flowing = True
            self._starved_ticks = self._late_samples = 0
            self._start_window()
        if len(self._buffer) >= VOICE_SAMPLES_PER_FRAME and self._starved_ticks:
            self._reserve_samples = min(MOST_RESERVE_SAMPLES, self._reserve_samples + self._late_samples)
            self._starved_ticks = self._late_samples = 0
        return True

    def _chunk(self, found: tuple[Int16Array, float] | None) -> SpeechChunk | None:
        if found is None:
            return None
        voice, captured_at_s = found
        self._last_voice = voice
        index = self._next_index
        self._next_index += 1
        return SpeechChunk(index, self._to_model.push(voice), voice, self._epoch, captured_at_s)

    def _plain(self, now_s: float) -> tuple[Int16Array, float]:
        """The next chunk, but for some samples."""
        step = self._step(len(self._buffer))
        length = VOICE_SAMPLES_PER_FRAME + step
        head, captured_at_s = self._buffer.cut(length)
        if step:
            after = self._buffer.samples[:2]
            after = np.concatenate([after, np.repeat(head[-1:], 2 - len(after))]) if len(after) < 2 else after
            head = resampled(np.concatenate([self._last_voice[-1:], head, after]), VOICE_SAMPLES_PER_FRAME)
        self._watch_margin(now_s)
        return head, captured_at_s

    def _shortened(self, least_left_samples: int) -> tuple[Int16Array, float] | None:
        """The next chunk with a stretch of its sound left out; None where that would leave less than this."""
        length = VOICE_SAMPLES_PER_FRAME + MOST_CUT_SAMPLES
        if len(self._buffer) < length + least_left_samples:
            return None
        voice, num_cut = shortened(self._buffer.samples[:length], VOICE_SAMPLES_PER_FRAME)
        self._counts.voice_samples_hurried += num_cut
        self._surplus_samples = max(0, self._surplus_samples - num_cut)
        _, captured_at_s = self._buffer.cut(VOICE_SAMPLES_PER_FRAME + num_cut)
        return voice, captured_at_s

    def _trim(self, most_samples: int) -> int:
        """Leave up to a chunk of sound out where all of it is quiet; gives the number of samples."""
        length = min(most_samples, VOICE_SAMPLES_PER_FRAME)
        stretch = self._buffer.samples[: length + FADE_SAMPLES]
        if length < FADE_SAMPLES or not all(map(is_quiet, np.array_split(stretch, 5))):
            return 0
        self._counts.voice_samples_trimmed += length
        self._buffer.leave_out(length)
        return length

    def _starve(self, now_s: float) -> tuple[Int16Array, float]:
        """What is left, and silence after it."""
        voice = np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16)
        head, _ = self._buffer.cut(len(self._buffer))
        voice[: len(head)] = head
        missing = VOICE_SAMPLES_PER_FRAME - len(head)
        self._counts.voice_samples_missing += missing
        self._filled_samples += missing
        self._late_samples += missing
        self._count_starved_tick()
        return voice, now_s

    def _count_starved_tick(self) -> None:
        self._start_window()
        self._starved_ticks += 1
        if self._starved_ticks >= STARVED_TICKS:
            self._flowing = False

    def _step(self, available: int) -> int:
        """Samples to take beyond (> 0) or below (< 0) one chunk, against drift."""
        step = max(-STEP_SAMPLES, min(STEP_SAMPLES, self._surplus_samples))
        step = min(step, available - VOICE_SAMPLES_PER_FRAME)
        self._surplus_samples -= step
        if step > 0:
            self._counts.voice_samples_squeezed += step
        else:
            self._counts.voice_samples_stretched -= step
        return step

    def _watch_margin(self, now_s: float) -> None:
        """Decide once a second from the least margin seen whether the two clocks have drifted apart.

        Sound comes in packets; what of the next one is spoken already counts, or drift would show only once a packet.
        Since it is not here yet, a packet more than the cushion is wanted.
        """
        if self._surplus_samples:
            return  # what the last window found is still being put right
        on_its_way = round(VOICE_RATE_HZ * max(0.0, now_s - self._buffer.newest_arrival_s))
        margin = len(self._buffer) + min(PACKET_SAMPLES, on_its_way)
        self._least_margin = margin if self._least_margin is None else min(self._least_margin, margin)
        self._window_ticks += 1
        if self._window_ticks < WINDOW_TICKS:
            return
        beyond = self._least_margin - PACKET_SAMPLES - self._cushion_samples
        self._start_window(surplus_samples=beyond if abs(beyond) > TOLERANCE_SAMPLES else 0)
        self._reserve_samples = max(0, self._reserve_samples - RESERVE_STEP_SAMPLES)

    def _start_window(self, surplus_samples: int = 0) -> None:
        self._least_margin = None
        self._window_ticks = 0
        self._surplus_samples = surplus_samples

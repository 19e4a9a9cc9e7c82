"""How far behind a session is, and what brings it back.

In: at every tick the frames that are ready and the chunks that the engine has not taken. Out: what the tick sends, and
the chunk it takes in, if any.

A chunk that was taken in is a frame on its way until it is shown. At every tick one is taken in and one is shown, so
the number on their way, which is the delay, stays as it is, whatever it is. A tick without a new frame makes it grow by
one for good: the picture stands, the sound comes later. Here is the rule that brings it back.

    what is needed      per tick: those on their way, less the time by which the frame shown came too early. The most
                        of a window of ticks, and `reserve`, is needed; what is beyond is excess
    the engine lags     chunks that wait for it in every tick of a window are excess as well
    an excess           silence is left out on its way in, and its ticks take in nothing. Beyond `PATIENT_FRAMES`, or
                        when it stays, speech is shortened too (10 to 20 ms a chunk, its pitch and its words kept), and
                        beyond it quiet frames that are ready are dropped
    the bound           while a chunk has waited for the engine for `longest_wait_ticks`, none is taken in; the
                        microphone's own buffer is bounded by time, and drops (`audio_ingest`)
    short underruns     the reserve grows by what was late, up to a bound, and shrinks by a tick in ten seconds: what
                        comes again soon finds it, and one accident does not cost a minute. In a call's first seconds
                        it does not grow: they say what beginning takes, not what going on does
    a near miss         a frame that was ready in the last moment: the reserve grows by a tick, and where the voice is
                        next quiet a chunk is taken in twice. So no picture has to stand, as one does for an underrun
"""

from collections import deque
from dataclasses import dataclass
from math import floor

from contract.packets import FRAMES_PER_S, SpeechChunk
from server.audio_ingest import AudioIngest
from server.playout import Playout, Release
from server.session_counts import SessionCounts

TICK_S = 1 / FRAMES_PER_S
PATIENT_FRAMES = 2
PATIENT_TICKS = 75
# A longer standstill is an accident that no reserve is kept for.
LONGEST_UNDERRUN_TICKS = 5
BEGINNING_TICKS = 75
LEAST_RESERVE_S = 0.03
MOST_RESERVE_S = 0.16
RESERVE_STEP_S = 0.004 / FRAMES_PER_S
# A frame that was ready less than this before its tick nearly was not.
NEAR_MISS_S = 0.015


@dataclass(frozen=True, slots=True)
class PacingSettings:
    """What is normal.

    delay_frames: that the stream needs, at worst: AvatarStream.delay_frames
    reserve_s: by which a frame should be early, at the beginning
    """

    delay_frames: int
    reserve_s: float = LEAST_RESERVE_S

    @property
    def window_ticks(self) -> int:
        """Ticks in which everything that comes again and again has come: more than two windows of the stream."""
        return max(FRAMES_PER_S, 2 * self.delay_frames + 10)

    @property
    def longest_wait_ticks(self) -> int:
        """How long a chunk may wait for the engine; it may well paint a whole window meanwhile."""
        return self.delay_frames + 5


class Pacing:
    """What a tick sends and takes in. Used from the event loop only."""

    def __init__(self, settings: PacingSettings, ingest: AudioIngest, playout: Playout, counts: SessionCounts) -> None:
        self._settings = settings
        self._ingest = ingest
        self._playout = playout
        self._counts = counts
        self._reserve_s = settings.reserve_s
        self._needed: deque[float] = deque(maxlen=settings.window_ticks)  # frames on their way, of the last ticks
        self._pending: deque[int] = deque(maxlen=settings.window_ticks)  # chunks that waited for the engine
        self._submitted: deque[int] = deque()  # ticks of the chunks that wait
        self._tick = 0
        self._underrun_ticks = 0
        self._excess_ticks = 0
        self._nearly_missed = False

    @property
    def frames_on_their_way(self) -> int:
        """Chunks that were taken in and are not shown yet."""
        return self._ingest.next_index - self._playout.next_index

    @property
    def excess_frames(self) -> int:
        """How many of them are more than needed. After `release`."""
        return self._excess(self.frames_on_their_way)

    def release(self, now_s: float) -> Release | None:
        """What to send at this tick; None before the beginning. Call once a tick."""
        self._tick += 1
        if self._excess(self.frames_on_their_way - 1) > PATIENT_FRAMES:
            self._playout.drop_quiet()
        release = self._playout.release()
        if release is not None:
            self._watch(release, now_s)
        return release

    def take(self, num_pending: int, now_s: float) -> SpeechChunk | None:
        """The chunk that this tick takes in, if it takes one. Call once a tick, after `release`.

        num_pending: chunks that the engine has not taken yet
        """
        self._pending.append(num_pending)
        while len(self._submitted) > num_pending:
            self._submitted.popleft()
        if self._submitted and self._tick - self._submitted[0] > self._settings.longest_wait_ticks:
            self._counts.chunks_refused += 1
            return None
        excess = self.excess_frames
        self._excess_ticks = self._excess_ticks + 1 if excess > 0 else 0
        if excess <= 0:
            chunk: SpeechChunk | None = self._ingest.take(now_s)
        else:
            may_shorten = excess > PATIENT_FRAMES or self._excess_ticks > PATIENT_TICKS
            chunk = self._ingest.take_in_hurry(now_s, may_shorten)
        if chunk is None:
            self._counts.chunks_skipped += 1
        else:
            self._submitted.append(self._tick)
        return chunk

    def take_once_more(self, num_pending: int, now_s: float) -> SpeechChunk | None:
        """A chunk on top of what this tick takes in, if later frames need longer and nobody will hear it.

        Call once a tick, before `take`. An engine that lags is not given more to do.
        """
        if not self._nearly_missed or num_pending > 0:
            return None
        chunk = self._ingest.repeat_quiet(now_s)
        if chunk is not None:
            self._nearly_missed = False
            self._submitted.append(self._tick)
        return chunk

    def _excess(self, num_on_their_way: int) -> int:
        if len(self._needed) < self._settings.window_ticks:
            return 0
        always_pending = min(self._pending, default=0)
        return floor(num_on_their_way - max(self._needed) + always_pending)

    def _watch(self, release: Release, now_s: float) -> None:
        needed = float(self.frames_on_their_way)
        began_tick = self._tick - self._underrun_ticks
        if release.frame is None:
            self._underrun_ticks += 1
            self._nearly_missed = False  # what would have been won in time is won
        else:
            early_s = now_s - release.frame.rendered_at_s
            needed -= (early_s - self._reserve_s) / TICK_S
            is_beginning = began_tick <= BEGINNING_TICKS
            if early_s < NEAR_MISS_S and not self._underrun_ticks and not self._nearly_missed and not is_beginning:
                self._nearly_missed = True
                self._reserve_s = min(MOST_RESERVE_S, self._reserve_s + TICK_S)
            if 0 < self._underrun_ticks <= LONGEST_UNDERRUN_TICKS and not is_beginning:
                self._reserve_s = min(MOST_RESERVE_S, self._reserve_s + self._underrun_ticks * TICK_S)
            self._underrun_ticks = 0
            self._reserve_s = max(LEAST_RESERVE_S, self._reserve_s - RESERVE_STEP_S)
        self._needed.append(needed)

"""When a frame is shown and heard.

In: finished frames, in bursts, as the avatar paints them. Out: at every tick one picture and 40 ms of voice.

A frame's picture and sound leave here together or not at all, so nothing downstream can part them. Policy:

    at the beginning    wait until the first frame is `cushion_frames` ticks old
    none is ready       the picture stands and the voice pauses (silence); nothing is lost, it comes later
    the delay has grown `server.pacing` sees it and takes in fewer chunks, and has quiet frames dropped here
    the bound           beyond `most_frames` the oldest are dropped
    an interruption     all are dropped, and those of an older epoch that the engine still finishes; the picture stands
                        until the first frame that follows on it is there; as many quiet frames are dropped later, so
                        that what is said next is no later for it
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from contract.packets import VOICE_SAMPLES_PER_FRAME, Int16Array, SpeechChunk, UInt8Array
from server.loudness import is_quiet
from server.media_tracks import MOST_PICTURES
from server.session_counts import SessionCounts

# So many frames after an interruption the mouth is shut.
SETTLING_FRAMES = 8


@dataclass(frozen=True, slots=True, eq=False)
class PlayableFrame:
    """A finished frame in the form that is sent.

    chunk: the sound, with its index
    picture: [height * 3 / 2, width] uint8, I420
    rendered_at_s: session clock when the picture was ready
    """

    chunk: SpeechChunk
    picture: UInt8Array
    rendered_at_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """What one tick sends.

    position: ticks sent before, the base of both tracks' timestamps
    picture: [height * 3 / 2, width] uint8, I420
    voice: [1920] int16
    frame: the frame that came out, None where the last picture stands
    """

    position: int
    picture: UInt8Array
    voice: Int16Array
    frame: PlayableFrame | None


@dataclass(frozen=True, slots=True)
class PlayoutSettings:
    """How long frames may wait.

    cushion_frames: ticks between the first frame and its release, against uneven rendering
    most_frames: ready frames at which the oldest are dropped
    """

    cushion_frames: int = 2
    most_frames: int = 75


class Playout:
    """The queue of finished frames. Used from the event loop only."""

    def __init__(self, settings: PlayoutSettings, counts: SessionCounts) -> None:
        self._settings = settings
        self._counts = counts
        self._ready: deque[PlayableFrame] = deque()
        self._picture: UInt8Array | None = None
        # (index, picture) of the last releases: those that still wait to be sent, and the one before them.
        self._released: deque[tuple[int, UInt8Array]] = deque(maxlen=MOST_PICTURES + 1)
        self._index = -1
        self._epoch = 0
        self._frames_of_epoch = 0  # released since the last interruption
        self._ticks_lost = 0  # to interruptions, and not caught up with
        self._ticks_waited = 0
        self._position = 0

    @property
    def ready_frames(self) -> int:
        """Frames that wait for their tick."""
        return len(self._ready)

    @property
    def next_index(self) -> int:
        """The index after the last one shown."""
        return self._index + 1

    def drop_quiet(self) -> bool:
        """Drop the next frame if nobody will miss it: it is quiet and another one follows. True where it was."""
        if self._picture is None or len(self._ready) < 2 or not is_quiet(self._ready[0].chunk.voice):
            return False
        self._drop_next()
        return True

    def add(self, frame: PlayableFrame) -> None:
        """Take a finished frame."""
        self._counts.frames_rendered += 1
        if frame.chunk.epoch < self._epoch:
            self._counts.frames_interrupted += 1
            return
        self._ready.append(frame)
        while len(self._ready) > self._settings.most_frames:
            self._ready.popleft()
            self._counts.frames_dropped += 1

    def interrupt(self, epoch: int, num_unsent: int) -> int | None:
        """Drop all that waits and all older than `epoch` that is still to come; gives the last index shown, if any.

        num_unsent: last pictures released that were never sent
        """
        self._epoch, self._frames_of_epoch = epoch, 0
        self._counts.frames_interrupted += len(self._ready)
        self._ready.clear()
        for _ in range(min(num_unsent, len(self._released))):
            self._released.pop()
        self._index, self._picture = self._released[-1] if self._released else (-1, None)
        return self._index if self._released else None

    def release(self) -> Release | None:
        """What to send at this tick; None before the beginning. Call once a tick."""
        if self._picture is None and not self._may_begin():
            return None
        if self._ticks_lost and self._may_skip():
            self._drop_next()
        frame = self._ready.popleft() if self._ready else None
        if frame is None:
            assert self._picture is not None, "the first release has a frame"
            self._counts.frames_repeated += 1
            if self._epoch and not self._frames_of_epoch:
                self._ticks_lost += 1
            return self._sent(self._picture, np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16), None)
        self._index, self._picture = frame.chunk.index, frame.picture
        self._counts.frames_released += 1
        self._frames_of_epoch += 1
        return self._sent(frame.picture, frame.chunk.voice, frame)

    def _sent(self, picture: UInt8Array, voice: Int16Array, frame: PlayableFrame | None) -> Release:
        self._released.append((self._index, picture))
        release = Release(self._position, picture, voice, frame)
        self._position += 1
        return release

    def _may_begin(self) -> bool:
        if not self._ready:
            return False
        self._ticks_waited += 1
        return self._ticks_waited > self._settings.cushion_frames

    def _may_skip(self) -> bool:
        """True where the next frame will not be missed: it is quiet, the face is at rest and more frames wait."""
        is_settled = self._frames_of_epoch >= SETTLING_FRAMES
        has_more = len(self._ready) > self._settings.cushion_frames + 1
        return is_settled and has_more and is_quiet(self._ready[0].chunk.voice)

    def _drop_next(self) -> None:
        self._ready.popleft()
        self._counts.frames_dropped += 1
        self._ticks_lost = max(0, self._ticks_lost - 1)

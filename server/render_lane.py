"""One session's place at the engine thread.

In: chunks of sound, wishes, interruptions, from the event loop. Out: playable frames, handed back to it.

A lane takes at most `MOST_PENDING_CHUNKS`; beyond, `submit` refuses and the caller keeps its sound. An interruption
overtakes what waits: it counts from the next step of the thread on. A step that is under way ends with a frame of the
epoch before, which playout drops.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from assembly.engine_times import EngineTimes
from contract.packets import AvatarFrame, SpeechChunk
from pipeline.avatar import AvatarStream
from pipeline.expression import Expression
from server.clock import Clock
from server.frame_times import FrameTimes
from server.interruption import silenced
from server.picture_format import PictureFormat
from server.playout import PlayableFrame

# A bound of memory alone: `server.pacing` bounds the time, and a window of 50 frames may be under way.
MOST_PENDING_CHUNKS = 75


class LaneOwner(Protocol):
    """Whose thread advances lanes."""

    @property
    def clock(self) -> Clock:
        """The server's clock."""
        ...

    @property
    def engine_times(self) -> EngineTimes:
        """What the engines take."""
        ...

    def wake(self) -> None:
        """Let the thread look for work."""
        ...

    def remove(self, lane: "RenderLane") -> None:
        """Forget a lane."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RenderedFrame:
    """A playable frame and what it cost.

    stages_s: seconds by stage, as server.frame_times tells them
    """

    frame: PlayableFrame
    stages_s: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Rewind:
    """An interruption that the thread has not taken up."""

    epoch: int
    last_index: int


class RenderLane:
    """One session's place at the worker. Methods are for the event loop; the rest belongs to the thread."""

    def __init__(
        self,
        worker: LaneOwner,
        stream: AvatarStream,
        on_frame: Callable[[RenderedFrame], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._worker = worker
        self._stream = stream
        self._on_frame = on_frame
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._chunks: deque[SpeechChunk] = deque()
        # Only the last wish counts: one that comes before the thread took the other replaces it.
        self._wishes: deque[Expression] = deque(maxlen=1)
        self._rewind: _Rewind | None = None
        # Silence in place of sound that the stream had taken before it was interrupted; the thread's own.
        self._again: deque[SpeechChunk] = deque()
        self._lock = threading.Lock()
        self._frames: Iterator[AvatarFrame] | None = None
        self._times = FrameTimes(worker.engine_times)
        self._format = PictureFormat()
        self._is_open = True

    @property
    def pending_chunks(self) -> int:
        """Chunks the thread has not taken yet."""
        return len(self._chunks)

    @property
    def has_room(self) -> bool:
        """True where the next chunk will be taken."""
        return self._is_open and len(self._chunks) < MOST_PENDING_CHUNKS

    @property
    def has_work(self) -> bool:
        """True where the thread has something to do."""
        return bool(self._chunks or self._again or self._rewind)

    def submit(self, chunk: SpeechChunk) -> None:
        """Queue the session's next chunk; ask `has_room` before."""
        assert self.has_room, f"{len(self._chunks)} chunks wait, at most {MOST_PENDING_CHUNKS} may"
        self._times.cut(chunk.index, self._worker.clock.now_s())
        self._chunks.append(chunk)
        self._worker.wake()

    def direct(self, expression: Expression) -> None:
        """Ask something else of the face, which is one that the avatar can show; it counts from the next begun."""
        self._wishes.append(expression)

    def interrupt(self, epoch: int, last_index: int) -> None:
        """Go on in silence from the last frame that was shown, -1 before the first; what comes next is new."""
        with self._lock:
            # Of two, the first may not have been taken up yet: the second says all of it.
            self._rewind = _Rewind(epoch, last_index)
            self._chunks = deque(silenced(chunk, epoch) for chunk in self._chunks)
        self._worker.wake()

    def close(self) -> None:
        """Take no more and give no more."""
        self._is_open = False
        self._worker.remove(self)
        # The session and its lane know each other; without this they would live until the next full collection.
        self._on_frame = self._on_failure = _ignore

    def advance(self, clock: Clock) -> bool:
        """Paint one frame, or take one chunk that gives none. False where there is nothing to do. Engine thread."""
        if self._wishes:
            self._stream.direct(self._wishes.popleft())
        self._take_back()
        if self._frames is None:
            chunk = self._next_chunk()
            if chunk is None:
                return False
            self._times.begin_drawing(clock.now_s())
            self._frames = iter(self._stream.push(chunk, len(self._again) + len(self._chunks)))
            self._times.end_drawing(clock.now_s())
        self._times.begin_painting(clock.now_s())
        painted = next(self._frames, None)
        if painted is None:
            self._frames = None
            return True
        painted_s = clock.now_s()
        picture = self._format.to_i420(painted.image)
        ready_s = clock.now_s()
        stages_s = self._times.stages_s(painted.chunk, painted_s, ready_s)
        frame = RenderedFrame(PlayableFrame(painted.chunk, picture, ready_s), stages_s)
        self._hand_over(self._deliver, frame)
        return True

    def _take_back(self) -> None:
        with self._lock:
            rewind, self._rewind = self._rewind, None
        if rewind is not None:
            self._frames = None
            taken = [*self._stream.rewind(rewind.last_index), *self._again]
            self._again = deque(silenced(chunk, rewind.epoch) for chunk in taken)

    def _next_chunk(self) -> SpeechChunk | None:
        if not self._is_open:
            return None
        if self._again:
            chunk = self._again.popleft()
            self._times.push_again(chunk.index)
            return chunk
        with self._lock:
            return self._chunks.popleft() if self._chunks else None

    def fail(self, error: BaseException) -> None:
        """Give the lane up. Engine thread."""
        self._hand_over(self._report, error)

    def _hand_over(self, callback: Callable[[Any], None], value: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, value)

    def _deliver(self, frame: RenderedFrame) -> None:
        if self._is_open:
            self._on_frame(frame)

    def _report(self, error: BaseException) -> None:
        if self._is_open:
            self._on_failure(error)


def _ignore(what: object) -> None:
    """Nobody is there any more."""

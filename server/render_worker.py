"""The one thread that runs the engines, for all sessions.

In: chunks of sound, one lane a session. Out: playable frames, handed to the event loop one by one as they are painted.

Lanes take turns frame by frame, so that a session waits for another's frame but never for its window. Single calls
(a portrait, a new stream) go before frames.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from assembly.engine_times import EngineTimes
from contract.errors import AtCapacityError
from pipeline.avatar import AvatarStream
from server.clock import Clock
from server.render_lane import RenderedFrame, RenderLane

log = logging.getLogger(__name__)
THREAD_NAME = "engine"
ResultT = TypeVar("ResultT")


class RenderWorker:
    """Owns the engine thread."""

    def __init__(self, clock: Clock, engine_times: EngineTimes | None = None) -> None:
        """engine_times: of the engines that will be run; None: they are not timed."""
        self.clock = clock
        self.engine_times = engine_times or EngineTimes(clock.now_s)
        self._lanes: list[RenderLane] = []
        self._calls: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._condition = threading.Condition()
        self._running = False
        self._thread: threading.Thread | None = None

    @property
    def num_lanes(self) -> int:
        """Sessions being rendered."""
        return len(self._lanes)

    def start(self) -> None:
        """Start the thread."""
        assert self._thread is None, "the worker runs already"
        self._running = True
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after what it is at; blocks for that long."""
        with self._condition:
            self._running = False
            self._condition.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        for _, result in self._calls:
            result.cancel()
        self._calls.clear()

    async def call(self, function: Callable[[], ResultT]) -> ResultT:
        """Run `function` on the engine thread; gives its result or raises its error, AtCapacityError once stopped."""
        result: Future[ResultT] = Future()
        with self._condition:
            if not self._running:
                raise AtCapacityError("the engine thread has stopped, expected it to run")
            self._calls.append((function, result))
            self._condition.notify()
        return await asyncio.wrap_future(result)

    def open(
        self,
        stream: AvatarStream,
        on_frame: Callable[[RenderedFrame], None],
        on_failure: Callable[[BaseException], None],
    ) -> RenderLane:
        """A lane for one stream; both callbacks run on the event loop."""
        lane = RenderLane(self, stream, on_frame, on_failure)
        with self._condition:
            self._lanes.append(lane)
        return lane

    def remove(self, lane: RenderLane) -> None:
        """Forget a lane."""
        with self._condition:
            if lane in self._lanes:
                self._lanes.remove(lane)
            # The thread's own list would keep the stream until the next session's sound.
            self._condition.notify()

    def wake(self) -> None:
        """Let the thread look for work."""
        with self._condition:
            self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                if not self._running:
                    return
                call = self._calls.popleft() if self._calls else None
                lanes = list(self._lanes)
            if call is not None:
                _answer(*call)
            elif not self._turn(lanes):
                with self._condition:
                    if self._running and not self._calls and not any(lane.has_work for lane in self._lanes):
                        self._condition.wait()

    def _turn(self, lanes: list[RenderLane]) -> bool:
        """One step for every lane; False where none had work."""
        worked = False
        for lane in lanes:
            try:
                worked |= lane.advance(self.clock)
            except Exception as error:
                log.exception("the avatar failed; its session ends")
                self.remove(lane)
                lane.fail(error)
        return worked


def _answer(function: Callable[[], Any], result: "Future[Any]") -> None:
    if not result.set_running_or_notify_cancel():
        return
    try:
        result.set_result(function())
    except Exception as error:  # noqa: BLE001 - the caller gets it
        result.set_exception(error)

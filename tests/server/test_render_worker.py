"""One engine thread for all: turns, order, failures, and nothing kept."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator

import numpy as np
import pytest

from contract.errors import AtCapacityError
from contract.packets import AvatarFrame, SpeechChunk
from pipeline.expression import Expression
from server.clock import MonotonicClock
from server.render_lane import MOST_PENDING_CHUNKS, RenderedFrame
from server.render_worker import RenderWorker
from tests.fakes import silent_chunk


class Bursts:
    """A stream that gives its frames five at a time, and writes down who painted when."""

    def __init__(self, name: str, painted: list[str], fails_at: int | None = None) -> None:
        self.name = name
        self.delay_frames = 4
        self._painted = painted
        self._fails_at = fails_at
        self._chunks: list[SpeechChunk] = []
        self.threads: set[str] = set()

    def push(self, chunk: SpeechChunk, num_waiting: int = 0) -> Iterator[AvatarFrame]:
        if chunk.index == self._fails_at:
            raise RuntimeError(f"{self.name} can't")
        self._chunks.append(chunk)
        if len(self._chunks) == 5:
            chunks, self._chunks = self._chunks, []
            for each in chunks:
                self.threads.add(threading.current_thread().name)
                self._painted.append(self.name)
                yield AvatarFrame(each, np.full((4, 4, 3), each.index, np.uint8))

    def flush(self) -> Iterator[AvatarFrame]:
        return iter(())

    def reset(self) -> None:
        self._chunks = []

    def rewind(self, last_index: int) -> list[SpeechChunk]:
        raise AssertionError(f"unwanted: back to {last_index}")

    def direct(self, expression: Expression) -> None:
        self.threads.add(threading.current_thread().name)
        self._painted.append(f"{self.name} {expression.emotion}")


@pytest.fixture
async def worker() -> AsyncIterator[RenderWorker]:
    worker = RenderWorker(MonotonicClock())
    worker.start()
    yield worker
    worker.stop()


def unwanted(what: object) -> None:
    """A callback that should not be called."""
    raise AssertionError(f"unwanted: {what}")


async def until(condition: Callable[[], bool], within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.002)


async def test_frames_come_in_order_on_the_loop_painted_on_the_engine_thread(worker: RenderWorker) -> None:
    frames: list[RenderedFrame] = []
    stream = Bursts("a", [])
    where: set[str] = set()

    def on_frame(frame: RenderedFrame) -> None:
        where.add(threading.current_thread().name)
        frames.append(frame)

    lane = worker.open(stream, on_frame, unwanted)
    for index in range(20):
        lane.submit(silent_chunk(index))
    await until(lambda: len(frames) == 20)
    assert [frame.frame.chunk.index for frame in frames] == list(range(20))
    assert all(frame.frame.picture.shape == (6, 4) for frame in frames)
    assert where == {threading.current_thread().name}
    assert stream.threads == {"engine"}


async def test_a_stream_is_told_how_much_sound_waits(worker: RenderWorker) -> None:
    told: list[tuple[int, int]] = []

    class Told(Bursts):
        def push(self, chunk: SpeechChunk, num_waiting: int = 0) -> Iterator[AvatarFrame]:
            told.append((chunk.index, num_waiting))
            return super().push(chunk)

    go = threading.Event()
    holding = asyncio.ensure_future(worker.call(go.wait))
    await asyncio.sleep(0.05)
    frames: list[RenderedFrame] = []
    lane = worker.open(Told("a", []), frames.append, unwanted)
    for index in range(5):
        lane.submit(silent_chunk(index))
    go.set()
    await holding
    await until(lambda: len(frames) == 5)
    assert told == [(0, 4), (1, 3), (2, 2), (3, 1), (4, 0)]


async def test_sessions_take_turns_frame_by_frame(worker: RenderWorker) -> None:
    painted: list[str] = []
    frames: list[RenderedFrame] = []
    go = threading.Event()
    holding = asyncio.ensure_future(worker.call(go.wait))
    await asyncio.sleep(0.05)
    lanes = [worker.open(Bursts(name, painted), frames.append, unwanted) for name in "ab"]
    for lane in lanes:
        for index in range(10):
            lane.submit(silent_chunk(index))
    go.set()
    await holding
    await until(lambda: len(frames) == 20)
    assert painted == list("ab" * 10)


async def test_a_wish_counts_before_the_next_frame_and_only_the_last_of_several(worker: RenderWorker) -> None:
    painted: list[str] = []
    frames: list[RenderedFrame] = []

    class Wishing(Bursts):
        def push(self, chunk: SpeechChunk, num_waiting: int = 0) -> Iterator[AvatarFrame]:
            for frame in super().push(chunk):
                if frame.index == 1:
                    for emotion in ("sad", "angry", "happy"):
                        lane.direct(Expression(emotion))
                yield frame

    stream = Wishing("a", painted)
    lane = worker.open(stream, frames.append, unwanted)
    for index in range(5):
        lane.submit(silent_chunk(index))
    await until(lambda: len(frames) == 5)
    assert painted == ["a", "a", "a happy", "a", "a", "a"]
    assert stream.threads == {"engine"}


async def test_a_call_does_not_wait_for_a_whole_window(worker: RenderWorker) -> None:
    painted: list[str] = []
    frames: list[RenderedFrame] = []
    called_after: list[int] = []

    class Calling(Bursts):
        def push(self, chunk: SpeechChunk, num_waiting: int = 0) -> Iterator[AvatarFrame]:
            for frame in super().push(chunk):
                if frame.index == 1:
                    loop.call_soon_threadsafe(ask)
                    asked.wait(5)
                yield frame

    asked = threading.Event()
    calls: list[asyncio.Future[None]] = []
    loop = asyncio.get_running_loop()

    def ask() -> None:
        calls.append(asyncio.ensure_future(worker.call(lambda: called_after.append(len(painted)))))
        loop.call_soon(asked.set)

    lane = worker.open(Calling("a", painted), frames.append, unwanted)
    for index in range(5):
        lane.submit(silent_chunk(index))
    await until(lambda: len(frames) == 5)
    await asyncio.gather(*calls)
    assert called_after and called_after[0] < 5


async def test_a_stream_that_fails_ends_alone(worker: RenderWorker) -> None:
    frames: list[RenderedFrame] = []
    failures: list[BaseException] = []
    doomed = worker.open(Bursts("doomed", [], fails_at=3), frames.append, failures.append)
    healthy = worker.open(Bursts("healthy", []), frames.append, unwanted)
    for index in range(5):
        doomed.submit(silent_chunk(index))
        healthy.submit(silent_chunk(index))
    await until(lambda: len(frames) == 5 and bool(failures))
    assert str(failures[0]) == "doomed can't"
    assert worker.num_lanes == 1


async def test_a_lane_takes_so_much_and_no_more(worker: RenderWorker) -> None:
    go = threading.Event()
    holding = asyncio.ensure_future(worker.call(go.wait))
    await asyncio.sleep(0.05)
    lane = worker.open(Bursts("a", []), lambda frame: None, unwanted)
    for index in range(MOST_PENDING_CHUNKS):
        assert lane.has_room
        lane.submit(silent_chunk(index))
    assert not lane.has_room
    go.set()
    await holding
    await until(lambda: lane.has_room)


async def test_a_closed_lane_gives_nothing_and_its_stream_is_let_go(worker: RenderWorker) -> None:
    async def one_session() -> "weakref.ref[Bursts]":
        stream = Bursts("a", [])
        lane = worker.open(stream, unwanted, unwanted)
        lane.submit(silent_chunk(0))
        await until(lambda: lane.pending_chunks == 0)
        lane.close()
        return weakref.ref(stream)

    kept = await one_session()
    assert worker.num_lanes == 0

    def is_gone() -> bool:
        gc.collect()
        return kept() is None

    await until(is_gone)


async def test_calls_give_results_and_errors(worker: RenderWorker) -> None:
    assert await worker.call(lambda: threading.current_thread().name) == "engine"
    with pytest.raises(ZeroDivisionError):
        await worker.call(lambda: 1 / 0)
    assert await worker.call(lambda: 5) == 5


async def test_stopping_ends_the_thread() -> None:
    worker = RenderWorker(MonotonicClock())
    worker.start()
    worker.stop()
    assert "engine" not in [thread.name for thread in threading.enumerate()]


async def test_a_stopped_worker_refuses_calls() -> None:
    worker = RenderWorker(MonotonicClock())
    worker.start()
    worker.stop()
    with pytest.raises(AtCapacityError, match="stopped"):
        await asyncio.wait_for(worker.call(lambda: 1), 1)

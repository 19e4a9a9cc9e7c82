"""Frames of a window are painted beside each other where the engine can, and are what they would be one by one."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from contract.packets import AvatarFrame
from engines.base import Array, Engine, Run
from pipeline.avatar import AvatarStream, NeuralAvatar, StreamSettings
from pipeline.expression import Expression
from pipeline.motion_editor import MotionEdit
from tests.fakes import TINY_SPEC, fake_engines, noise_chunks

PICTURE = np.full((32, 32, 3), 120, np.uint8)
BASIS = np.linalg.qr(np.random.default_rng(0).standard_normal((TINY_SPEC.latent_dim, 4)))[0].astype(np.float32)
SETTINGS = StreamSettings(hop_frames=4, lookahead_frames=1)


class LazyRun:
    """A run that is made when it is waited for."""

    def __init__(self, engine: "Pairs", number: int, inputs: dict[str, Array]) -> None:
        self._engine, self._number, self._inputs = engine, number, inputs

    def outputs(self) -> dict[str, Array]:
        self._engine.log.append(f"wait {self._number}")
        return self._engine.engine.run(**self._inputs)


class Pairs:
    """An engine that has two runs under way; log: what was begun and waited for, in order."""

    runs_at_once = 2

    def __init__(self, engine: Engine, log: list[str]) -> None:
        self.engine, self.log = engine, log
        self.signature = engine.signature

    def run(self, **inputs: Array) -> dict[str, Array]:
        return self.begin(**inputs).outputs()

    def begin(self, **inputs: Array) -> Run:
        number = sum(entry.startswith("begin") for entry in self.log)
        self.log.append(f"begin {number}")
        return LazyRun(self, number, inputs)

    def bind(self, **constants: Array) -> "Pairs":
        return Pairs(self.engine.bind(**constants), self.log)

    def close(self) -> None:
        self.engine.close()


def started(log: list[str] | None = None) -> AvatarStream:
    """A stream, in pairs where there is a log for it."""
    engines = fake_engines()
    if log is not None:
        engines = replace(engines, frame_decoder=Pairs(engines.frame_decoder, log))
    avatar = NeuralAvatar(TINY_SPEC, engines, BASIS)
    return avatar.start(avatar.prepare(PICTURE, crop=False), SETTINGS)


def images(frames: Iterator[AvatarFrame] | list[AvatarFrame]) -> np.ndarray:
    return np.stack([frame.image for frame in frames])


def test_the_next_frame_is_begun_before_one_is_waited_for() -> None:
    log: list[str] = []
    stream = started(log)
    windows = [list(stream.push(chunk)) for chunk in noise_chunks(30)]
    assert len(next(filter(None, windows))) == 4
    assert log[:8] == ["begin 0", "begin 1", "wait 0", "begin 2", "wait 1", "begin 3", "wait 2", "wait 3"]
    # No frame of the next window is begun before it is asked for.
    assert log[8] == "begin 4"


def test_frames_are_what_they_are_one_by_one() -> None:
    single, pairs = started(), started([])
    chunks = list(noise_chunks(30))
    found = [frame for chunk in chunks for frame in pairs.push(chunk)] + list(pairs.flush())
    expected = [frame for chunk in chunks for frame in single.push(chunk)] + list(single.flush())
    assert [frame.chunk.index for frame in found] == list(range(30))
    np.testing.assert_array_equal(images(found), images(expected))


def test_a_stream_goes_back_while_a_frame_is_under_way() -> None:
    chunks = list(noise_chunks(40))
    single, pairs = started(), started([])
    for stream in (single, pairs):
        shown = 0
        for chunk in chunks[:20]:
            for _ in stream.push(chunk):
                shown += 1
                if shown == 6:
                    break
            if shown == 6:
                break
        assert stream.rewind(4)[0].index == 5
    again = [[frame for chunk in chunks[5:] for frame in stream.push(chunk)] for stream in (single, pairs)]
    assert again[0][0].chunk.index == 5
    np.testing.assert_array_equal(images(again[1]), images(again[0]))


def test_a_wish_counts_from_the_next_frame_that_is_begun() -> None:
    log: list[str] = []
    plain, directed = started(), started(log)
    chunks = list(noise_chunks(20))
    expected = images([frame for chunk in chunks for frame in plain.push(chunk)])
    found, is_told = [], False
    for chunk in chunks:
        for frame in directed.push(chunk):
            found.append(frame)
            if not is_told:
                directed.direct(Expression(None, (MotionEdit(0, 30.0),)))
                is_told = True
    # Of the two under way when the wish came, neither knows of it.
    np.testing.assert_array_equal(images(found[:2]), expected[:2])
    assert np.abs(images(found[2:3]).astype(int) - expected[2:3]).max() > 0

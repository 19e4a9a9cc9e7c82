"""An interruption: nothing old is shown or heard after it, nothing new is lost, whatever is under way meanwhile."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from contract.packets import AvatarFrame, SpeechChunk
from pipeline.avatar import NeuralAvatar, StreamSettings
from pipeline.test_pattern import TestPatternStream
from server.audio_ingest import AudioIngest, IngestSettings
from server.clock import MonotonicClock
from server.interruption import Interruption, silenced
from server.media_tracks import PACKET_SAMPLES, PictureTrack, VoiceTrack
from server.playout import Playout, PlayoutSettings, Release
from server.render_lane import RenderedFrame
from server.render_worker import RenderWorker
from server.session_counts import SessionCounts
from tests.fakes import TINY_SPEC, FakeEngine, fake_engines, noise_chunks
from tests.server.test_audio_ingest import PACKET, Bench, packet, tone
from tests.server.test_playout import a_playout, playable
from tests.server.test_render_worker import until, unwanted, worker  # noqa: F401 - worker is a fixture


def of_epoch(epoch: int, chunk: SpeechChunk) -> SpeechChunk:
    return replace(chunk, epoch=epoch)


def test_what_waits_at_the_door_is_silence_and_what_comes_after_is_kept_to_the_sample() -> None:
    bench = Bench()
    bench.send(6)
    bench.take()
    waiting = bench.ingest.waiting_samples
    assert bench.ingest.interrupt(1) == waiting == 4 * PACKET == bench.counts.voice_samples_interrupted
    assert bench.ingest.waiting_samples == waiting, "the buffer holds as much time as before"
    first_new = bench.sent
    bench.send(6)
    chunks = [bench.ingest.take(1.0) for _ in range(5)]
    assert [(chunk.index, chunk.epoch) for chunk in chunks] == [(i, 1) for i in range(1, 6)]
    voice = np.concatenate([chunk.voice for chunk in chunks])
    assert not voice[:waiting].any()
    np.testing.assert_array_equal(voice[waiting:], tone(len(voice) - waiting, first_new))
    # The networks hear nothing of it either, not the resampler's last millisecond.
    quiet = AudioIngest(IngestSettings(cushion_samples=0), SessionCounts())
    quiet.feed(packet(np.concatenate([np.zeros(waiting, np.int16), tone(6 * PACKET, first_new)]), 0), 0.0)
    for chunk in chunks:
        np.testing.assert_array_equal(chunk.pcm, quiet.take(0.0).pcm)
    assert bench.counts.voice_samples_lost == bench.counts.voice_samples_missing == 0


def test_a_second_interruption_drops_only_what_came_since() -> None:
    bench = Bench()
    bench.send(4)
    assert bench.ingest.interrupt(1) == 4 * PACKET
    assert bench.ingest.interrupt(2) == 0
    bench.send(1)
    bench.take()
    assert bench.ingest.interrupt(3) == PACKET
    assert bench.ingest.take(1.0).epoch == 3


def test_other_forms_of_sound_leave_nothing_in_their_resampler() -> None:
    ingest = AudioIngest(IngestSettings(cushion_samples=0), SessionCounts())
    loud = np.full(441 * 8, 9000, np.int16)
    ingest.feed(packet(loud, None, "mono", 44100), 0.0)
    ingest.interrupt(1)
    ingest.feed(packet(np.zeros_like(loud), None, "mono", 44100), 0.0)
    assert not any(ingest.take(0.0).voice.any() for _ in range(3))


def test_playout_drops_all_that_waits_and_what_the_engine_still_finishes() -> None:
    playout, counts = a_playout(0)
    for index in range(6):
        playout.add(playable(index))
    for _ in range(3):
        playout.release()
    assert playout.interrupt(1, num_unsent=0) == 2
    assert playout.ready_frames == 0 and counts.frames_interrupted == 3
    playout.add(playable(6))
    assert playout.ready_frames == 0 and counts.frames_interrupted == 4
    standing = playout.release()
    assert standing is not None and standing.frame is None and standing.position == 3
    assert standing.picture[0, 0] == 2 and not standing.voice.any()
    new = playable(3)
    playout.add(replace(new, chunk=of_epoch(1, new.chunk)))
    release = playout.release()
    assert release is not None and release.frame is not None
    assert (release.position, release.frame.chunk.index, release.voice[0]) == (4, 3, 3)
    assert counts.frames_dropped == 0
    assert counts.frames_rendered == counts.frames_released + counts.frames_interrupted


def test_ticks_that_an_interruption_costs_are_caught_up_with_in_the_quiet_once_the_mouth_is_shut() -> None:
    playout, counts = a_playout(2)
    for index in range(8):
        playout.add(playable(index))
    released = [release for release in (playout.release() for _ in range(4)) if release]
    assert playout.interrupt(1, 0) == len(released) - 1
    for _ in range(3):
        playout.release()
    indexes = []
    for index in range(len(released), 100):
        new = playable(index, np.zeros(1920, np.int16) if index < 40 else np.full(1920, 9000, np.int16))
        playout.add(replace(new, chunk=of_epoch(1, new.chunk)))
        if playout.ready_frames > 6:
            release = playout.release()
            assert release is not None and release.frame is not None
            indexes.append(release.frame.chunk.index)
    steps = np.diff(indexes)
    assert counts.frames_repeated == 3 == counts.frames_dropped, "what was lost and no more"
    assert (steps[:7] == 1).all(), "the mouth shuts first"
    assert steps.max() == 2 and np.flatnonzero(steps == 2).max() < 40, "one at a time, in the quiet"


@pytest.mark.parametrize(("num_unsent", "last_index"), [(0, 4), (1, 3), (2, 3), (3, 2)])
def test_pictures_that_were_never_sent_were_never_shown(num_unsent: int, last_index: int) -> None:
    playout, _ = a_playout(0)
    for index in range(5):
        playout.add(playable(index))
        playout.release()
        if index == 3:
            playout.release()  # it stands for another tick
    assert playout.interrupt(1, num_unsent) == last_index
    release = playout.release()
    assert release is not None and release.picture[0, 0] == last_index and release.position == 6


def test_before_the_first_frame_there_is_none_to_go_back_to() -> None:
    playout, _ = a_playout(2)
    assert playout.interrupt(1, 0) is None
    playout.add(playable(0))
    playout.release()
    assert playout.interrupt(2, 0) is None and playout.release() is None
    new = playable(0)
    playout.add(replace(new, chunk=of_epoch(2, new.chunk)))
    releases = [playout.release() for _ in range(3)]
    assert any(release is not None and release.voice[0] == 0 for release in releases)
    never_sent, _ = a_playout(0)
    never_sent.add(playable(0))
    never_sent.release()
    assert never_sent.interrupt(1, 1) is None and never_sent.release() is None


async def test_tracks_keep_their_time_and_nothing_else() -> None:
    voice, pictures = VoiceTrack(), PictureTrack()
    loud, white = np.full(PACKET_SAMPLES, 9000, np.int16), np.full((24, 16), 255, np.uint8)
    assert voice.silence() == pictures.take_back() == 0
    for i in range(3):
        voice.put(loud, i * PACKET_SAMPLES)
        pictures.put(white, i)
    assert voice.silence() == pictures.take_back() == 0, "nobody reads these tracks"
    for i in range(3):
        voice.put(loud, i * PACKET_SAMPLES)
        pictures.put(white, i)
    assert (await voice.recv()).to_ndarray().any() and (await pictures.recv()).pts == 0
    assert (voice.silence(), pictures.take_back()) == (2 * PACKET_SAMPLES, 2)
    packets = [await voice.recv() for _ in range(2)]
    assert [each.pts for each in packets] == [PACKET_SAMPLES, 2 * PACKET_SAMPLES]
    assert not any(each.to_ndarray().any() for each in packets)
    # A reader that was woken for a picture which is gone again goes on waiting; an error would end its sender.
    reading = asyncio.ensure_future(pictures.recv())
    await asyncio.sleep(0)
    pictures.put(white, 3)
    assert pictures.take_back() == 1
    await asyncio.sleep(0.01)
    assert not reading.done()
    pictures.put(white, 4)
    assert (await reading).pts == 4 * 3600
    ending = asyncio.ensure_future(pictures.recv())
    await asyncio.sleep(0)
    pictures.stop()
    with pytest.raises(MediaStreamError):
        await ending


class Held(TestPatternStream):
    """A stream that stops before it paints a certain frame of the first epoch until it may go on."""

    def __init__(self, held_index: int) -> None:
        super().__init__(delay_frames=2)
        self._held_index = held_index
        self.is_held, self.may_go_on = threading.Event(), threading.Event()

    def push(self, chunk: SpeechChunk, num_waiting: int = 0) -> Iterator[AvatarFrame]:
        for frame in super().push(chunk):
            if frame.index == self._held_index and not frame.chunk.epoch:
                self.is_held.set()
                self.may_go_on.wait(5)
            yield frame


@pytest.mark.parametrize("num_interruptions", [1, 2, 5])
async def test_a_frame_under_way_ends_in_its_old_epoch_and_then_silence_follows_the_last_one_shown(
    worker: RenderWorker,  # noqa: F811
    num_interruptions: int,
) -> None:
    frames: list[RenderedFrame] = []
    stream = Held(held_index=6)
    lane = worker.open(stream, frames.append, unwanted)
    chunks = list(noise_chunks(20))
    for chunk in chunks[:12]:
        lane.submit(chunk)
    assert await asyncio.to_thread(stream.is_held.wait, 5)
    for epoch in range(1, num_interruptions + 1):
        lane.interrupt(epoch, 3)
    for chunk in chunks[12:]:
        lane.submit(of_epoch(num_interruptions, chunk))
    stream.may_go_on.set()
    await until(lambda: bool(frames) and frames[-1].frame.chunk.index == 17)
    by_epoch = [(each.frame.chunk.epoch, each.frame.chunk.index) for each in frames]
    assert by_epoch == [(0, i) for i in range(7)] + [(num_interruptions, i) for i in range(4, 18)]
    for each in frames[7:]:
        chunk = each.frame.chunk
        if chunk.index < 12:
            assert not chunk.voice.any() and not chunk.pcm.any()
        else:
            np.testing.assert_array_equal(chunk.voice, chunks[chunk.index].voice)
        assert chunk.captured_at_s == chunks[chunk.index].captured_at_s
    lane.close()


async def test_frames_of_a_window_that_are_not_painted_yet_never_are(worker: RenderWorker) -> None:  # noqa: F811
    frames: list[RenderedFrame] = []
    is_held, may_go_on = threading.Event(), threading.Event()
    engines = fake_engines()
    decode = engines.frame_decoder._function  # type: ignore[attr-defined]

    def held(inputs: dict) -> dict:
        if len(painter.calls) == 7:
            is_held.set()
            may_go_on.wait(5)
        painted: dict = decode(inputs)
        return painted

    painter = FakeEngine(TINY_SPEC.signature("frame_decoder"), held)
    avatar = NeuralAvatar(TINY_SPEC, replace(engines, frame_decoder=painter))
    stream = avatar.start(avatar.prepare(np.zeros((40, 40, 3), np.uint8), crop=False), StreamSettings(5, 2))
    lane = worker.open(stream, frames.append, unwanted)
    for chunk in noise_chunks(20):
        lane.submit(chunk)
    assert await asyncio.to_thread(is_held.wait, 5)
    lane.interrupt(1, 5)
    may_go_on.set()
    await until(lambda: frames[-1].frame.chunk.index == 15 if frames else False)
    by_epoch = [(each.frame.chunk.epoch, each.frame.chunk.index) for each in frames]
    assert by_epoch == [(0, i) for i in range(7)] + [(1, i) for i in range(6, 16)]
    lane.close()


async def test_an_interruption_of_a_lane_at_rest_is_taken_up_at_once(worker: RenderWorker) -> None:  # noqa: F811
    frames: list[RenderedFrame] = []
    lane = worker.open(TestPatternStream(delay_frames=4), frames.append, unwanted)
    for chunk in noise_chunks(10):
        lane.submit(chunk)
    await until(lambda: len(frames) == 6)
    lane.interrupt(1, 1)
    await until(lambda: len(frames) == 10)
    assert [(each.frame.chunk.epoch, each.frame.chunk.index) for each in frames[6:]] == [(1, i) for i in range(2, 6)]
    assert not lane.has_work
    lane.close()
    lane.interrupt(2, 1)


@pytest.mark.parametrize("seed", range(3))
async def test_whenever_it_is_interrupted_indexes_go_on_one_by_one_and_only_new_sound_is_heard(seed: int) -> None:
    """Real networks' stages on the real thread, with a hasty beat and interruptions at random."""
    rng = np.random.default_rng(seed)
    worker = RenderWorker(MonotonicClock())  # noqa: F811
    worker.start()
    counts = SessionCounts()
    # So large a cushion that nothing is dropped to catch up but for the ticks that interruptions cost.
    playout = Playout(PlayoutSettings(cushion_frames=60, most_frames=1000), counts)
    avatar = NeuralAvatar(TINY_SPEC, fake_engines())
    stream = avatar.start(avatar.prepare(np.zeros((40, 40, 3), np.uint8), crop=False), StreamSettings(5, 2))
    lane = worker.open(stream, lambda rendered: playout.add(rendered.frame), unwanted)
    chunks = list(noise_chunks(500))
    heard: dict[int, Release] = {}
    first_of_epoch, epoch, submitted = 0, 0, 0
    for _ in range(1200):
        if submitted < len(chunks) and lane.has_room:
            lane.submit(of_epoch(epoch, chunks[submitted]))
            submitted += 1
        release = playout.release()
        if release is not None and release.frame is not None:
            chunk = release.frame.chunk
            assert chunk.epoch == epoch and chunk.index == len(heard) + counts.frames_dropped, "each once, in order"
            assert chunk.index >= first_of_epoch or not chunk.voice.any(), "nothing of before the interruption"
            if chunk.index >= first_of_epoch:
                np.testing.assert_array_equal(chunk.voice, chunks[chunk.index].voice)
            heard[chunk.index] = release
        if rng.random() < 0.012:
            for _ in range(int(rng.integers(1, 3))):
                epoch += 1
                last_index = playout.interrupt(epoch, 0)
                assert last_index == max(heard, default=None)
                lane.interrupt(epoch, -1 if last_index is None else last_index)
                first_of_epoch = submitted
        await asyncio.sleep(0.0005)
    assert epoch > 8 and len(heard) > 300
    assert sum(release.voice.any() for release in heard.values()) > 50, "sound came through"
    lane.close()
    worker.stop()


def test_what_an_interruption_did_is_plain_json() -> None:
    assert Interruption(2, None, 3, 4800).to_json() == {
        "epoch": 2,
        "last_shown_index": None,
        "frames_dropped": 3,
        "sound_dropped_ms": 100,
    }
    (chunk,) = noise_chunks(1, first_index=7)
    silent = silenced(chunk, 4)
    assert (silent.index, silent.epoch) == (7, 4) and not silent.voice.any() and not silent.pcm.any()
    assert silent.voice.dtype == np.int16 and silent.pcm.dtype == np.float32

"""Whole calls: an aiortc client, a listening server, the measuring picture."""

import asyncio
import gc
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import aioice.ice
import av
import numpy as np
import pytest
from aiortc import RTCPeerConnection
from aiortc.rtcrtpreceiver import RemoteStreamTrack
from av.frame import Frame

from contract.errors import IngestError
from contract.packets import FRAMES_PER_S, AvatarFrame, Float32Array, SpeechChunk
from pipeline.avatar import StreamSettings
from pipeline.portrait import Portrait
from pipeline.test_pattern import TestPatternAvatar, TestPatternStream, read_counter, shows_flash
from server.aiortc_patches import pass_audio_through
from server.session import Session
from tests.server.caller import Caller, ClickTrack, running_server


def rgb(frame: av.VideoFrame) -> np.ndarray:
    return frame.to_ndarray(format="rgb24")


def onsets(caller: Caller) -> list[float]:
    """When each click was heard: its first loud sample, in seconds."""
    found: list[float] = []
    for at_s, frame in caller.received.voices:
        loud = np.flatnonzero(np.abs(frame.to_ndarray().reshape(-1, 2)[:, 0].astype(int)) > 8000)
        if len(loud) and (not found or at_s - found[-1] > 0.5):
            found.append(at_s + loud[0] / 48_000)
    return found


def flashes(caller: Caller) -> list[float]:
    """When each flash was seen."""
    return [at_s for at_s, frame in caller.received.pictures if shows_flash(rgb(frame))]


def check_order(caller: Caller, counts: dict[str, int]) -> None:
    """Every frame came once and in order, but for what the server says it repeated or dropped on a busy machine."""
    steps = np.diff([read_counter(rgb(frame)) for _, frame in caller.received.pictures])
    assert (steps >= 0).all()
    assert (steps == 0).sum() <= counts["frames_repeated"] + 5
    assert (steps - 1)[steps > 1].sum() <= counts["frames_dropped"] + counts["pictures_unsent"] + 5
    assert (steps == 1).sum() > 0.6 * len(steps)


async def test_five_seconds_of_talk_come_back_as_pictures_and_the_same_voice_in_time() -> None:
    async with running_server(TestPatternAvatar(delay_frames=2)) as server:
        microphone = ClickTrack()
        caller = Caller(server.http, microphone)
        await caller.call()
        # The test's own ear should not add aiortc's 80 ms.
        pass_audio_through(caller.connection.getReceivers()[0])
        await caller.until_connected()
        await caller.until_pictures(1)
        await asyncio.sleep(5)
        caller.channel.send(json.dumps({"type": "ping", "t": 12.5}))
        await asyncio.sleep(0.1)
        await caller.close()
        await server.until_empty(within_s=2)

        stats = [m for m in caller.received.messages if m["type"] == "stats"]
        assert len(stats) >= 4
        counts = stats[-1]["counts"]
        intervals_s = np.diff([at_s for at_s, _ in caller.received.pictures])
        assert 1 / np.median(intervals_s) == pytest.approx(FRAMES_PER_S, rel=0.1)
        assert len(intervals_s) >= 5 * FRAMES_PER_S - counts["ticks_skipped"] - 15
        check_order(caller, counts)

        seen, heard = flashes(caller), onsets(caller)
        assert len(seen) >= 5
        skews_ms = sorted(1000 * min((eye - ear for ear in heard), key=abs) for eye in seen)
        # A click stands anywhere in its frame of 40 ms, and its flash at the frame's beginning.
        assert -60 <= skews_ms[len(skews_ms) // 2] <= 30, skews_ms

        delays_ms = sorted(1000 * (ear - max(t for t in microphone.click_times_s if t < ear)) for ear in heard)
        assert 80 <= delays_ms[0] <= 450, delays_ms

        voice = np.concatenate([f.to_ndarray().reshape(-1, 2)[:, 0] for _, f in caller.received.voices]).astype(float)
        begin = int(np.argmax(np.abs(voice) > 8000))
        pattern = np.where(np.arange(240) // 12 % 2, 30000, -30000)
        click = voice[begin - 120 : begin + 480]
        matches = [np.dot(click[i : i + 240], pattern) for i in range(300)]
        best = click[int(np.argmax(matches)) :][:240]
        assert np.corrcoef(best, pattern)[0, 1] > 0.8, "the voice that comes back is the one that was sent"

        assert counts["frames_released"] > 75
        assert set(stats[-1]["stages_ms"]) == {
            "ingest",
            "window",
            "queue",
            "python",
            "convert",
            "wait",
            "total",
            "encode",
        }
        assert {"type": "pong", "t": 12.5} in caller.received.messages


async def test_a_viewer_without_a_microphone_sees_the_avatar_go_on_in_silence() -> None:
    async with running_server(TestPatternAvatar(delay_frames=0)) as server:
        caller = Caller(server.http)
        await caller.call("ben")
        await caller.until_pictures(30)
        await caller.close()
        await server.until_empty(within_s=2)
        assert caller.received.voices
        assert not any(np.abs(f.to_ndarray().astype(int)).max() > 50 for _, f in caller.received.voices)


async def test_a_speaker_who_does_not_want_to_hear_gets_pictures_only() -> None:
    async with running_server(TestPatternAvatar(delay_frames=0)) as server:
        caller = Caller(server.http, ClickTrack(10), wants_voice=False)
        await caller.call()
        await caller.until_pictures(40)
        await caller.close()
        await server.until_empty(within_s=2)
        assert not caller.received.voices
        assert len(flashes(caller)) >= 2, "the microphone is heard"


async def test_a_microphone_that_sends_nothing_still_gives_a_living_avatar() -> None:
    class Mute(ClickTrack):
        async def recv(self) -> av.AudioFrame:
            await asyncio.sleep(3600)
            raise AssertionError("never")

    async with running_server(TestPatternAvatar(delay_frames=0)) as server:
        caller = Caller(server.http, Mute())
        await caller.call()
        await caller.until_pictures(40)
        assert server.admission.num_sessions == 1
        await caller.close()
        await server.until_empty(within_s=2)


async def test_two_calls_at_once_are_both_served_in_full_and_a_third_is_told_when_to_come_back() -> None:
    async with running_server(TestPatternAvatar(delay_frames=0), max_sessions=2) as server:
        callers = [Caller(server.http, ClickTrack()) for _ in range(2)]
        for caller in callers:
            await caller.call()
        third = Caller(server.http)
        refused = await server.http.post(
            "/v1/whip", content=await third.offer(), headers={"Content-Type": "application/sdp"}
        )
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert refused.headers["content-type"] == "application/problem+json"
        capacity = (await server.http.get("/v1/capacity")).json()
        assert (capacity["slots"], capacity["taken"], capacity["free"]) == (2, 2, 0)
        for caller in callers:
            await caller.until_pictures(50)
        deleted = await server.http.delete(callers[0].location)
        assert deleted.status_code == 200
        assert (await server.http.get(callers[0].location)).status_code == 404
        assert server.admission.num_sessions == 1
        await third.call()
        await third.until_pictures(5)
        for caller in (*callers, third):
            await caller.close()
        await server.until_empty(within_s=2)
        metrics = (await server.http.get("/metrics")).text
        assert 'avatar_sessions_total{outcome="hung up"} 1.0' in metrics
        assert "avatar_sessions_active 0.0" in metrics


async def test_a_peer_that_vanishes_in_mid_sentence_is_noticed_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_server(TestPatternAvatar(delay_frames=0)) as server:
        assert (aioice.ice.CONSENT_INTERVAL, aioice.ice.CONSENT_FAILURES) == (2, 3)
        monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.3)
        caller = Caller(server.http, ClickTrack(5))
        await caller.call()
        await caller.until_pictures(20)
        # Its sockets go, as when a laptop is shut; no goodbye is sent.
        ice = caller.connection.getSenders()[0].transport.transport._connection
        for protocol in ice._protocols:
            protocol.transport.abort()
        assert await server.until_empty(within_s=8) > 0.3
        await caller.close()
        again = Caller(server.http, ClickTrack())
        await again.call()
        await again.until_pictures(10)
        await again.close()
        await server.until_empty(within_s=2)


def system_threads() -> int:
    """Threads of this process, whoever started them; 0 where the system does not say."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else 0


def own_threads() -> list[str]:
    """Names of this process's threads, but for the loop's pool of encoders, which may still grow to its bound."""
    return sorted(t.name for t in threading.enumerate() if not t.name.startswith(("asyncio", "ThreadPool")))


def open_files() -> int:
    """Files and sockets of this process; 0 where the system does not say."""
    files = Path("/proc/self/fd")
    return len(list(files.iterdir())) if files.exists() else 0


async def test_calls_that_come_and_go_leave_nothing_behind() -> None:
    async with running_server(TestPatternAvatar(delay_frames=0)) as server:

        async def one_call() -> None:
            caller = Caller(server.http, ClickTrack())
            await caller.call()
            await caller.until_pictures(2)
            await caller.close()
            await server.until_empty(within_s=2)

        gc.collect()
        gc.disable()
        await one_call()
        await asyncio.sleep(0.1)
        left = [each for each in gc.get_objects() if type(each) is Session]
        gc.enable()
        assert not left, "a session goes without waiting for a collection"
        tasks, threads, of_the_system = len(asyncio.all_tasks()), own_threads(), system_threads()
        files = open_files()
        for _ in range(8):
            await one_call()
        await asyncio.sleep(0.1)
        assert len(asyncio.all_tasks()) <= tasks, asyncio.all_tasks()
        assert own_threads() == threads
        assert open_files() <= files, "sockets too"
        assert system_threads() <= of_the_system + 6, "threads of libraries too"
        assert server.app.state.parts.worker.num_lanes == 0


class FaultyStream(TestPatternStream):
    """Fails at the thirtieth chunk."""

    def push(self, chunk: SpeechChunk, num_waiting: int = 0) -> Iterator[AvatarFrame]:
        if chunk.index == 30:
            raise RuntimeError("the paint has run out")
        return super().push(chunk)


class SlowStream(TestPatternStream):
    """Takes twice a frame's time for each frame."""

    def push(self, chunk: SpeechChunk, num_waiting: int = 0) -> Iterator[AvatarFrame]:
        for frame in super().push(chunk):
            time.sleep(0.08)
            yield frame


class OtherPattern(TestPatternAvatar):
    """A measuring picture with streams of another kind."""

    stream: type[TestPatternStream] = TestPatternStream

    def start(
        self, portrait: Portrait, settings: StreamSettings, clip: Float32Array | None = None
    ) -> TestPatternStream:
        return self.stream(delay_frames=0)


async def test_an_avatar_that_fails_ends_its_call_and_no_other() -> None:
    avatar = OtherPattern()
    async with running_server(avatar) as server:
        healthy = Caller(server.http)
        await healthy.call()
        avatar.stream = FaultyStream
        doomed = Caller(server.http)
        await doomed.call()
        await doomed.until_pictures(15)
        while server.admission.num_sessions == 2:
            await asyncio.sleep(0.05)
        num_pictures = len(healthy.received.pictures)
        await healthy.until_pictures(num_pictures + 25)
        assert {"type": "error", "detail": "the avatar failed: the paint has run out"} in doomed.received.messages
        await healthy.close()
        await doomed.close()
        await server.until_empty(within_s=2)


async def test_messages_without_meaning_are_answered_and_the_call_goes_on() -> None:
    async with running_server(TestPatternAvatar(delay_frames=0)) as server:
        caller = Caller(server.http)
        await caller.call()
        await caller.until_pictures(3)
        for text in ("hello", "7", "[" * 4000, "[" * 5000):
            caller.channel.send(text)
        caller.channel.send(json.dumps({"type": "ping", "t": 1}))
        seen = len(caller.received.pictures)
        await caller.until_pictures(seen + 20)
        replies = [message for message in caller.received.messages if message["type"] != "stats"]
        assert [reply["type"] for reply in replies] == ["error", "error", "error", "pong"], "the longest is not read"
        await caller.close()
        await server.until_empty(within_s=2)


@pytest.mark.parametrize("fault", [IngestError("a sound of no known form"), RuntimeError("the decoder is gone")])
async def test_sound_that_can_not_be_taken_ends_its_call(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    async with running_server(TestPatternAvatar(delay_frames=0)) as server:
        caller = Caller(server.http, ClickTrack(), wants_voice=False)
        await caller.call()
        await caller.until_pictures(3)
        theirs = RemoteStreamTrack.recv

        async def recv(track: RemoteStreamTrack) -> Frame:
            if track.kind == "audio":
                raise fault
            return await theirs(track)

        monkeypatch.setattr(RemoteStreamTrack, "recv", recv)
        await server.until_empty(within_s=2)
        assert [m["detail"] for m in caller.received.messages if m["type"] == "error"] == [
            str(fault) if isinstance(fault, IngestError) else "the session failed"
        ]
        await caller.close()


async def test_a_connection_that_can_not_be_closed_in_good_order_frees_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs = RTCPeerConnection.close

    async def close(connection: RTCPeerConnection) -> None:
        await theirs(connection)
        if connection is not caller.connection:
            raise OSError("the network is down")

    async with running_server(TestPatternAvatar(delay_frames=0)) as server:
        caller = Caller(server.http)
        await caller.call()
        await caller.until_pictures(3)
        monkeypatch.setattr(RTCPeerConnection, "close", close)
        assert (await server.http.delete(caller.location)).status_code == 200
        assert server.admission.num_sessions == 0
        assert server.app.state.parts.worker.num_lanes == 0
        await caller.close()


async def test_an_avatar_slower_than_time_drops_sound_at_the_door_and_keeps_its_memory_bounded() -> None:
    avatar = OtherPattern()
    async with running_server(avatar) as server:
        avatar.stream = SlowStream
        caller = Caller(server.http, ClickTrack())
        await caller.call()
        await caller.until_connected()
        await asyncio.sleep(3.2)
        stats = [m for m in caller.received.messages if m["type"] == "stats"][-1]
        assert stats["counts"]["chunks_refused"] + stats["counts"]["chunks_skipped"] > 5
        assert stats["counts"]["frames_repeated"] > 20
        assert stats["waiting"]["render_chunks"] <= 25
        assert stats["waiting"]["microphone_ms"] <= 520
        await caller.close()
        await server.until_empty(within_s=2)

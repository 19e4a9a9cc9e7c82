"""Calls that are interrupted, as their viewer hears and sees it."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from contract.packets import FRAMES_PER_S
from pipeline.avatar import NeuralAvatar
from pipeline.profile import INTERACTIVE
from pipeline.test_pattern import TestPatternAvatar, read_counter, shows_flash
from server.aiortc_patches import pass_audio_through
from tests.fakes import TINY_SPEC, FakeEngine, fake_engines
from tests.server.caller import PACKET_SAMPLES, Caller, RunningServer, running_server
from tests.server.test_signaling import assert_problem

SPEC = replace(TINY_SPEC, audio_chunk_frames=1)
LOW_HZ, HIGH_HZ = 300, 1500
# From the call to the last old sound and to the closed mouth: 200 ms and one hop.
BAR_S = 0.2 + INTERACTIVE.hop_frames / FRAMES_PER_S
log = logging.getLogger(__name__)


class ToneTrack(MediaStreamTrack):
    """A microphone that hears a loud tone, which may change; silence at 0 Hz."""

    kind = "audio"

    def __init__(self, tone_hz: int = LOW_HZ) -> None:
        super().__init__()
        self.tone_hz = tone_hz
        self._began_s: float | None = None
        self._pts = 0

    async def recv(self) -> av.AudioFrame:
        """20 ms, every 20 ms."""
        if self.readyState != "live":
            raise MediaStreamError
        if self._began_s is None:
            self._began_s = time.monotonic()
        await asyncio.sleep(self._began_s + self._pts / 48000 - time.monotonic())
        at_s = np.arange(self._pts, self._pts + PACKET_SAMPLES) / 48000
        samples = (16000 * np.sin(2 * np.pi * self.tone_hz * at_s)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, self._pts, Fraction(1, 48000)
        self._pts += PACKET_SAMPLES
        return frame


def talking_face() -> NeuralAvatar:
    """A mouth that goes half the way to how loud it is with every frame; its picture is as bright as it is open."""

    def hear(inputs: dict) -> dict:
        loudness = np.asarray(inputs["pcm"], np.float32).reshape(-1, 640)[SPEC.audio_context_frames].std()
        return {"audio_features": np.full((1, 1, SPEC.audio_feature_dim), loudness, np.float32)}

    def move(inputs: dict) -> dict:
        opening = [np.asarray(inputs["carried_motion"], np.float32)[:, -1]]
        for i in range(inputs["audio_features"].shape[1]):
            heard = np.asarray(inputs["audio_features"], np.float32)[:, i, :1]
            opening.append(((opening[-1] + 4 * heard) / 2).astype(np.float32))
        left = 1 - np.asarray(inputs["time"], np.float32)[:, None, None]
        return {"velocity": ((np.stack(opening[1:], 1) - inputs["noisy_motion"]) / left).astype(np.float32)}

    def paint(inputs: dict) -> dict:
        opening = float(np.asarray(inputs["motion_latent"], np.float32)[0].mean())
        return {"frame": np.full((1, 3, 16, 16), np.clip(opening, 0, 1) * 1.6 - 0.8, np.float32)}

    engines = replace(
        fake_engines(SPEC, FakeEngine(SPEC.signature("flow_transformer"), move)),
        audio_encoder=FakeEngine(SPEC.signature("audio_encoder"), hear),
        frame_decoder=FakeEngine(SPEC.signature("frame_decoder"), paint),
    )
    return NeuralAvatar(SPEC, engines)


def rgb(frame: av.VideoFrame) -> np.ndarray:
    return frame.to_ndarray(format="rgb24")


def strength(frame: av.AudioFrame, tone_hz: int) -> float:
    """Amplitude of a tone in a packet."""
    sound = frame.to_ndarray().reshape(-1, 2)[:, 0].astype(float)
    return float(2 * abs(np.mean(sound * np.exp(-2j * np.pi * tone_hz * np.arange(len(sound)) / 48000))))


async def until(condition: Callable[[], bool], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


async def begin(server: RunningServer, microphone: ToneTrack | None = None) -> tuple[Caller, str]:
    """A call whose microphone is heard, and the address that interrupts it."""
    caller = Caller(server.http, microphone)
    await caller.call()
    # The test's own ear should not add aiortc's 80 ms.
    pass_audio_through(caller.connection.getReceivers()[0])
    await caller.until_connected()
    if microphone is not None:
        await until(lambda: any(strength(frame, microphone.tone_hz) > 4000 for _, frame in caller.received.voices[-5:]))
    return caller, f"/v1/sessions/{caller.location.rpartition('/')[2]}/interrupt"


def told(caller: Caller) -> list[dict[str, Any]]:
    return [message for message in caller.received.messages if message["type"] == "interrupted"]


async def test_the_voice_stops_and_the_mouth_closes_in_time() -> None:
    sound_s, mouth_s = [], []
    async with running_server(talking_face(), hop_frames=INTERACTIVE.hop_frames, lookahead_frames=2) as server:
        microphone = ToneTrack()
        caller, address = await begin(server, microphone)
        for epoch in (1, 2, 3):
            microphone.tone_hz = LOW_HZ
            await until(lambda: strength(caller.received.voices[-1][1], LOW_HZ) > 4000)
            await until(lambda: rgb(caller.received.pictures[-1][1]).mean() > 200)
            await asyncio.sleep(0.4)
            microphone.tone_hz = 0
            await asyncio.sleep(0.06)
            called_s = time.monotonic()
            response = await server.http.post(address)
            assert response.status_code == 200
            dropped = response.json()
            assert dropped["epoch"] == epoch and dropped["last_shown_index"] > 10
            # All that the windows and the audio encoder wait for was on its way, and nothing unlikely.
            assert 4 * 40 <= dropped["sound_dropped_ms"] <= 3000
            await asyncio.sleep(1.2)
            old = [at_s for at_s, frame in caller.received.voices if at_s > called_s and strength(frame, LOW_HZ) > 200]
            seen = [(at_s, rgb(frame).mean()) for at_s, frame in caller.received.pictures if at_s > called_s]
            rest = seen[-1][1]
            assert rest < 60
            still_open = [at_s for at_s, brightness in seen if brightness > rest + 20]
            sound_s.append(max(old, default=called_s) - called_s)
            mouth_s.append(max(still_open, default=called_s) + 0.04 - called_s)
        assert [message["epoch"] for message in told(caller)] == [1, 2, 3]
        assert {"type": "interrupted", **dropped} == told(caller)[-1]
        await caller.close()
        await server.until_empty(within_s=2)
        metrics = (await server.http.get("/metrics")).text
        assert "avatar_interruptions_total 3.0" in metrics
        for counted in ('avatar_frames_total{result="interrupted"}', 'seconds_total{why="interrupted"}'):
            (line,) = [line for line in metrics.splitlines() if counted in line]
            assert float(line.split()[-1]) > 0
    log.info("last old sound after %s s, mouth closed after %s s", np.round(sound_s, 3), np.round(mouth_s, 3))
    assert min(sound_s) < 2 * BAR_S and min(mouth_s) < 2 * BAR_S


async def test_a_microphone_that_talks_on_is_heard_from_the_interruption_on() -> None:
    async with running_server(TestPatternAvatar(delay_frames=8)) as server:
        microphone = ToneTrack()
        caller, _ = await begin(server, microphone)
        await until(lambda: shows_flash(rgb(caller.received.pictures[-1][1])))
        # What is spoken before the interruption ends in another tone, so that even its last sound can be told.
        microphone.tone_hz = HIGH_HZ
        await asyncio.sleep(0.1)
        assert not any(strength(frame, HIGH_HZ) > 200 for _, frame in caller.received.voices), "all of it waits"
        num_before = len(caller.received.voices)
        caller.channel.send(json.dumps({"type": "interrupt"}))
        await until(lambda: bool(told(caller)))
        microphone.tone_hz = LOW_HZ
        (dropped,) = told(caller)
        num_heard = len(caller.received.voices)
        await until(lambda: any(strength(frame, LOW_HZ) > 4000 for _, frame in caller.received.voices[num_heard + 5 :]))
        await asyncio.sleep(0.4)
        low = [strength(frame, LOW_HZ) for _, frame in caller.received.voices[num_before:]]
        high = [strength(frame, HIGH_HZ) for _, frame in caller.received.voices[num_before:]]
        spoken = [packet > 2000 for packet in np.maximum(low, high)]
        silent_from = spoken.index(False)
        spoken_from = silent_from + spoken[silent_from:].index(True)
        assert spoken_from - silent_from >= 10, "a silence as long as what was dropped"
        # Only the packets that reached the server after the interruption and before the tone changed back.
        assert sum(packet > 2000 for packet in high) <= 5
        assert all(spoken[spoken_from + 1 :][:15]), "and then all of it"

        counters = [read_counter(rgb(frame)) for _, frame in caller.received.pictures]
        white = [shows_flash(rgb(frame)) for _, frame in caller.received.pictures]
        where = max(i for i, counter in enumerate(counters) if counter <= dropped["last_shown_index"])
        assert white[where] and not white[where + 1], "the first frame after the last one shown is silent"
        steps = np.diff(counters)
        assert (steps >= 0).all(), "no index comes twice or goes back"
        assert counters[where + 1] == counters[where] + 1 == dropped["last_shown_index"] + 1
        await caller.close()
        await server.until_empty(within_s=2)


async def test_it_can_be_interrupted_at_any_time_and_after_the_end_there_is_none() -> None:
    async with running_server(talking_face()) as server:
        caller = Caller(server.http)
        await caller.call()
        address = f"/v1/sessions/{caller.location.rpartition('/')[2]}/interrupt"
        early = (await server.http.post(address)).json()
        assert early["epoch"] == 1 and early["sound_dropped_ms"] == 0
        await caller.until_pictures(20)
        first, second = [(await server.http.post(address)).json() for _ in range(2)]
        assert (first["epoch"], second["epoch"]) == (2, 3)
        assert second["last_shown_index"] >= first["last_shown_index"] > 5
        assert second["sound_dropped_ms"] < first["sound_dropped_ms"] / 2, "what the first dropped does not count again"
        for _ in range(40):
            caller.channel.send(json.dumps({"type": "interrupt"}))
        await until(lambda: len(told(caller)) >= 42)
        seen = len(caller.received.pictures)
        await caller.until_pictures(seen + 20)
        assert_problem(await server.http.post("/v1/sessions/unknown/interrupt"), 404, "unknown")
        # In the middle of hanging up it is one or the other, and never an error of ours.
        ended, *late = await asyncio.gather(
            server.http.delete(caller.location), *(server.http.post(address) for _ in range(8))
        )
        assert ended.status_code == 200 and {response.status_code for response in late} <= {200, 404}
        assert_problem(await server.http.post(address), 404, "no session has the id")
        await caller.close()
        await server.until_empty(within_s=2)

"""The microphone's packets are sound at once, and what can't be decoded is left out."""

import asyncio
import threading
from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc import RTCPeerConnection, RTCRtpReceiver
from aiortc.codecs.g711 import PcmuEncoder
from aiortc.codecs.opus import OpusEncoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtcrtpreceiver import RemoteStreamTrack, decoder_worker

from server.voice_decoder import DecodingQueue

OPUS = RTCRtpCodecParameters(mimeType="audio/opus", clockRate=48000, channels=2)
PCMU = RTCRtpCodecParameters(mimeType="audio/PCMU", clockRate=8000, channels=1)


def packets(encoder: OpusEncoder | PcmuEncoder, num: int, left: float = 1.0, right: float = 1.0) -> list[JitterFrame]:
    """20 ms each of a tone, as loud on either side as that."""
    tone = 8000 * np.sin(2 * np.pi * 300 * np.arange(num * 960) / 48000)
    pairs = np.stack([left * tone, right * tone], axis=-1).astype(np.int16).reshape(num, 1, 1920)
    made = []
    for i, samples in enumerate(pairs):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, 960 * i, Fraction(1, 48000)
        payloads, timestamp = encoder.encode(frame)
        made += [JitterFrame(payload, timestamp) for payload in payloads]
    return made


@pytest.fixture
async def receiver() -> RTCRtpReceiver:
    connection = RTCPeerConnection()
    found = connection.addTransceiver("audio").receiver
    found._track = RemoteStreamTrack("audio")
    return found


def track_of(receiver: RTCRtpReceiver) -> RemoteStreamTrack:
    assert isinstance(receiver.track, RemoteStreamTrack)
    return receiver.track


def heard(receiver: RTCRtpReceiver) -> list[av.AudioFrame]:
    queue = track_of(receiver)._queue
    return [queue.get_nowait() for _ in range(queue.qsize())]


@pytest.mark.parametrize(("left", "right", "level"), [(1.0, 1.0, 1.0), (1.0, 0.0, 0.5)])
async def test_a_packet_is_one_channel_of_sound_at_once(
    receiver: RTCRtpReceiver, left: float, right: float, level: float
) -> None:
    queue = DecodingQueue(receiver)
    for number, packet in enumerate(packets(OpusEncoder(), 20, left, right)):
        queue.put((OPUS, packet))
        (frame,) = heard(receiver)
        assert (frame.pts, frame.samples, frame.sample_rate, frame.layout.name) == (960 * number, 960, 48000, "mono")
    loudest = np.abs(frame.to_ndarray()).max()
    assert loudest == pytest.approx(8000 * level, rel=0.15)


async def test_other_codecs_are_aiortc_s(receiver: RTCRtpReceiver) -> None:
    queue = DecodingQueue(receiver)
    for packet in packets(PcmuEncoder(), 5):
        queue.put((PCMU, packet))
    assert {frame.sample_rate for frame in heard(receiver)} == {8000}


async def test_a_broken_packet_is_left_out(receiver: RTCRtpReceiver) -> None:
    queue = DecodingQueue(receiver)
    first, second = packets(OpusEncoder(), 2)
    queue.put((OPUS, first))
    queue.put((OPUS, JitterFrame(b"\xff", 960)))
    queue.put((OPUS, second))
    assert len(heard(receiver)) == 2


async def test_the_thread_that_waits_tells_the_track_of_the_end(receiver: RTCRtpReceiver) -> None:
    queue = DecodingQueue(receiver)
    failed = threading.Event()
    thread = threading.Thread(
        target=decoder_worker, args=(asyncio.get_running_loop(), queue, track_of(receiver)._queue, failed)
    )
    thread.start()
    queue.put((OPUS, packets(OpusEncoder(), 1)[0]))
    assert len(heard(receiver)) == 1
    queue.put(None)
    assert await asyncio.wait_for(track_of(receiver)._queue.get(), 5) is None
    thread.join(5)
    assert not thread.is_alive() and not failed.is_set()

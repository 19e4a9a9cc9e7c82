"""What we use inside aiortc is there, and an upgrade that moves it is told at start-up."""

import aioice.ice
import aiortc.rtcrtpsender
import pytest
from aiortc import RTCPeerConnection, RTCRtpReceiver
from aiortc.codecs.opus import OpusEncoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from contract.errors import ConfigError
from server import aiortc_patches
from server.jitter_buffer import PassThroughJitterBuffer
from server.video_encoder import PortraitVp8Encoder
from server.voice_coder import VoiceCoder
from server.voice_decoder import DecodingQueue


def test_the_installed_version_has_all_that_is_used() -> None:
    assert aiortc.__version__.startswith("1.16.")
    aiortc_patches.verify()


async def nothing(*args: object) -> None:
    """A method that uses none of the names."""


@pytest.mark.parametrize(
    ("owner", "method", "told"),
    [
        (aiortc.rtcrtpsender.RTCRtpSender, "_next_encoded_frame", "get_encoder"),
        (aiortc.rtcrtpsender.RTCRtpSender, "_run_rtp", "_next_encoded_frame"),
        (RTCRtpReceiver, "_handle_rtp_packet", "__jitter_buffer"),
        (RTCRtpReceiver, "receive", "__decoder_queue"),
        (Vp8Encoder, "encode", "Vp8Encoder"),
        (aioice.ice.StunProtocol, "datagram_received", "data_received"),
        (aioice.ice.Connection, "gather_candidates", "get_host_addresses"),
        (aioice.ice.Connection, "query_consent", "CONSENT_INTERVAL"),
    ],
)
def test_what_an_upgrade_moves_is_named(monkeypatch: pytest.MonkeyPatch, owner: type, method: str, told: str) -> None:
    monkeypatch.setattr(owner, method, nothing)
    with pytest.raises(ConfigError, match=told):
        aiortc_patches.install()


def test_our_encoder_is_the_one_for_vp8_and_theirs_for_the_rest() -> None:
    aiortc_patches.install()

    def chosen(mime_type: str) -> object:
        return aiortc.rtcrtpsender.get_encoder(RTCRtpCodecParameters(mimeType=mime_type, clockRate=90000))

    assert isinstance(chosen("video/VP8"), PortraitVp8Encoder)
    assert isinstance(chosen("audio/opus"), OpusEncoder)


async def test_a_receiver_gets_the_buffer_that_buffers_nothing() -> None:
    connection = RTCPeerConnection()
    receiver = connection.addTransceiver("audio").receiver
    aiortc_patches.pass_audio_through(receiver)
    assert isinstance(receiver.__dict__["_RTCRtpReceiver__jitter_buffer"], PassThroughJitterBuffer)
    await connection.close()


async def test_voice_is_coded_and_decoded_at_once() -> None:
    connection = RTCPeerConnection()
    transceiver = connection.addTransceiver("audio")
    aiortc_patches.decode_voice_at_once(transceiver.receiver)
    aiortc_patches.code_voice_at_once(transceiver.sender)
    assert isinstance(transceiver.receiver.__dict__["_RTCRtpReceiver__decoder_queue"], DecodingQueue)
    assert isinstance(getattr(transceiver.sender._next_encoded_frame, "__self__", None), VoiceCoder)
    await connection.close()


def test_loopback_is_offered_where_there_is_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    aiortc_patches.install()
    monkeypatch.setattr(aiortc_patches, "_theirs_get_host_addresses", lambda use_ipv4, use_ipv6: [])
    assert aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=True) == ["127.0.0.1"]
    assert aioice.ice.get_host_addresses(use_ipv4=False, use_ipv6=True) == []
    monkeypatch.setattr(aiortc_patches, "_theirs_get_host_addresses", lambda use_ipv4, use_ipv6: ["192.0.2.7"])
    assert aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=True) == ["192.0.2.7"]


class Received(aioice.ice.Connection):
    """What an ICE connection was given."""

    def __init__(self) -> None:
        super().__init__(ice_controlling=True)
        self.media: list[tuple[bytes, int]] = []
        self.requests: list[aioice.stun.Message] = []

    def data_received(self, data: bytes, component: int) -> None:
        self.media.append((data, component))

    def request_received(self, message: aioice.stun.Message, addr: object, protocol: object) -> None:
        self.requests.append(message)


async def test_media_and_stun_go_where_they_belong() -> None:
    aiortc_patches.install()
    received = Received()
    protocol = aioice.ice.StunProtocol(received)
    protocol.local_candidate = aioice.Candidate("1", 1, "udp", 1, "127.0.0.1", 5000, "host")
    request = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
    packets = [b"\x80" + bytes(30), b"\x16" + bytes(20), b"\x00\x01 no message"]
    for data in (bytes(request), *packets):
        protocol.datagram_received(data, ("127.0.0.1", 6000))
    assert [each.transaction_id for each in received.requests] == [request.transaction_id]
    assert received.media == [(data, 1) for data in packets]

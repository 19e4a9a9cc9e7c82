"""Everything we touch inside aiortc and aioice, in one place, with the check that it is still there.

Their public interfaces have no setting for any of these. aiortc is pinned to 1.16; `verify` runs at start-up and
names what an upgrade has moved.
"""

import inspect
from collections.abc import Callable
from typing import Any

import aioice.ice
import aiortc.rtcrtpsender
from aiortc import RTCRtpReceiver
from aiortc.codecs.base import Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtcrtpsender import RTCEncodedFrame, RTCRtpSender

from contract.errors import ConfigError
from server.jitter_buffer import PassThroughJitterBuffer
from server.video_encoder import PortraitVp8Encoder
from server.voice_coder import VoiceCoder
from server.voice_decoder import DecodingQueue

# A peer that vanished is noticed after 6 s instead of 30 s.
CONSENT_INTERVAL_S = 2
CONSENT_FAILURES = 3
LOOPBACK = "127.0.0.1"
# The first byte of a STUN message is at most this (RFC 7983).
LAST_STUN_BYTE = 3
_JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"
_DECODER_QUEUE = "_RTCRtpReceiver__decoder_queue"
_NEXT_FRAME = "_next_encoded_frame"
_DATAGRAM = "datagram_received"

_theirs_get_encoder: Callable[[RTCRtpCodecParameters], Encoder] = aiortc.rtcrtpsender.get_encoder
_theirs_get_host_addresses: Callable[..., list[str]] = aioice.ice.get_host_addresses
_theirs_datagram_received: Callable[..., None] = aioice.ice.StunProtocol.datagram_received


def install() -> None:
    """Put our parts in; raises ConfigError where aiortc is not the one they were made for."""
    verify()
    aiortc.rtcrtpsender.get_encoder = _get_encoder
    aioice.ice.get_host_addresses = _get_host_addresses
    setattr(aioice.ice.StunProtocol, _DATAGRAM, _datagram_received)
    aioice.ice.CONSENT_INTERVAL = CONSENT_INTERVAL_S
    aioice.ice.CONSENT_FAILURES = CONSENT_FAILURES


def verify() -> None:
    """Look for every private name used; raises ConfigError naming the missing ones."""
    expected = {
        "RTCRtpSender calls get_encoder by its module's name": _names(RTCRtpSender, _NEXT_FRAME) >= {"get_encoder"},
        "RTCRtpSender sends what its _next_encoded_frame(codec) gives": (
            _names(RTCRtpSender, "_run_rtp") >= {_NEXT_FRAME, "payloads", "timestamp", "audio_level"}
            and list(inspect.signature(RTCEncodedFrame).parameters) == ["payloads", "timestamp", "audio_level"]
        ),
        "RTCRtpReceiver asks __jitter_buffer.add(packet) after setting packet._data": (
            _names(RTCRtpReceiver, "_handle_rtp_packet") >= {_JITTER_BUFFER, "add", "_data"}
            and list(inspect.signature(JitterBuffer.add).parameters) == ["self", "packet"]
        ),
        "RTCRtpReceiver puts packets into __decoder_queue and hands it to its thread": (
            _names(RTCRtpReceiver, "_handle_rtp_packet") >= {_DECODER_QUEUE, "put"}
            and _names(RTCRtpReceiver, "receive") >= {_DECODER_QUEUE, "_track", "_queue"}
        ),
        "JitterFrame(data, timestamp)": list(inspect.signature(JitterFrame).parameters) == ["data", "timestamp"],
        "Vp8Encoder has encode, _packetize(buffer, picture_id), target_bitrate and picture_id": (
            list(inspect.signature(Vp8Encoder.encode).parameters) == ["self", "frame", "force_keyframe"]
            and list(inspect.signature(Vp8Encoder._packetize).parameters) == ["buffer", "picture_id"]
            and isinstance(inspect.getattr_static(Vp8Encoder, "target_bitrate", None), property)
            and "picture_id" in _names(Vp8Encoder, "__init__")
        ),
        "aioice.ice calls get_host_addresses by its module's name": (
            _names(aioice.ice.Connection, "gather_candidates") >= {"get_host_addresses"}
        ),
        "StunProtocol hands media to receiver.data_received with local_candidate.component": (
            _names(aioice.ice.StunProtocol, _DATAGRAM) >= {"receiver", "data_received", "local_candidate", "component"}
        ),
        "aioice.ice reads CONSENT_INTERVAL and CONSENT_FAILURES": (
            _names(aioice.ice.Connection, "query_consent") >= {"CONSENT_INTERVAL", "CONSENT_FAILURES"}
        ),
    }
    missing = [what for what, is_there in expected.items() if not is_there]
    if missing:
        raise ConfigError(
            f"aiortc {aiortc.__version__} is not the 1.16 this server was made for; not found: {'; '.join(missing)}"
        )


def _names(owner: type, method: str) -> set[str]:
    """The names that a method's code uses."""
    code = getattr(getattr(owner, method, None), "__code__", None)
    return set(code.co_names) if code is not None else set()


def pass_audio_through(receiver: RTCRtpReceiver) -> None:
    """Let a receiver hand on every packet at once. Call between the offer and the first packet."""
    assert hasattr(receiver, _JITTER_BUFFER), f"RTCRtpReceiver has no {_JITTER_BUFFER}"
    setattr(receiver, _JITTER_BUFFER, PassThroughJitterBuffer())


def decode_voice_at_once(receiver: RTCRtpReceiver) -> None:
    """Let a receiver of sound decode it where it is, on the event loop, to one channel. Call before the answer."""
    assert hasattr(receiver, _DECODER_QUEUE), f"RTCRtpReceiver has no {_DECODER_QUEUE}"
    setattr(receiver, _DECODER_QUEUE, DecodingQueue(receiver))


def code_voice_at_once(sender: RTCRtpSender) -> None:
    """Let a sender of sound code it where it is, on the event loop. Call before the answer."""
    setattr(sender, _NEXT_FRAME, VoiceCoder(sender).next_encoded_frame)


def _get_encoder(codec: RTCRtpCodecParameters) -> Encoder:
    if codec.mimeType.lower() == "video/vp8":
        return PortraitVp8Encoder()
    return _theirs_get_encoder(codec)


def _get_host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    """Loopback where the machine has no other address: a browser on the same machine still connects."""
    addresses = _theirs_get_host_addresses(use_ipv4=use_ipv4, use_ipv6=use_ipv6)
    return addresses or ([LOOPBACK] if use_ipv4 else [])


def _datagram_received(protocol: aioice.ice.StunProtocol, data: bytes, address: tuple[Any, ...]) -> None:
    """Hand media on without trying first whether it is STUN: reading a message that is none ends in an exception."""
    if data and data[0] > LAST_STUN_BYTE:
        protocol.receiver.data_received(data, protocol.local_candidate.component)
    else:
        _theirs_datagram_received(protocol, data, address)

"""The returned voice as Opus, 20 ms a packet, coded on the event loop.

In: a voice track. Out: what aiortc's sender sends, with the level beside it (RFC 6464).

aiortc codes each packet on a thread of its own, as two channels that are the same, and adds the level up sample by
sample: 0.2 ms of work and as much for the way to the thread and back, 50 times a second. One channel of 80 kb/s without
the costliest searches is no larger, follows the sound more closely, and takes less than the way there.
"""

import math
from fractions import Fraction

import av
import numpy as np
from aiortc import RTCRtpSender
from aiortc.codecs import get_encoder
from aiortc.codecs.base import Encoder
from aiortc.codecs.opus import OpusEncoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtcrtpsender import RTCEncodedFrame
from av.audio.codeccontext import AudioCodecContext
from av.frame import Frame

from contract.packets import VOICE_RATE_HZ, Int16Array

RATE_BPS = 80_000
# Of 10. Below 4 the spectrum of speech is further from the original, above 5 hardly nearer.
COMPLEXITY = 5
LEAST_LEVEL_DBOV = -127


class VoiceOpusEncoder(OpusEncoder):
    """Encodes mono frames of 20 ms at 48 kHz, one packet each."""

    def __init__(self) -> None:
        codec = av.CodecContext.create("libopus", "w")
        assert isinstance(codec, AudioCodecContext), f"libopus is {type(codec).__name__}, expected an audio codec"
        codec.bit_rate, codec.sample_rate = RATE_BPS, VOICE_RATE_HZ
        codec.format, codec.layout = "s16", "mono"
        codec.time_base = Fraction(1, VOICE_RATE_HZ)
        codec.options = {"application": "audio", "compression_level": str(COMPLEXITY)}
        self._codec = codec

    def encode(self, frame: Frame, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        """(RTP payloads, RTP timestamp) of a frame of [960] int16 mono, whose time is counted in samples."""
        assert isinstance(frame, av.AudioFrame) and frame.pts is not None, "expected sound with its time"
        return [bytes(packet) for packet in self._codec.encode(frame)], frame.pts


class VoiceCoder:
    """What one sender sends of its track."""

    def __init__(self, sender: RTCRtpSender) -> None:
        self._sender = sender
        self._encoder: Encoder | None = None

    async def next_encoded_frame(self, codec: RTCRtpCodecParameters) -> RTCEncodedFrame | None:
        """The next packets, as soon as their sound is due; None where there is nothing to send yet."""
        try:
            frame = await self._sender.track.recv()
        except BaseException:
            # It is the end. Sender and coder know each other, and the encoder has threads.
            self._encoder = None
            raise
        assert isinstance(frame, av.AudioFrame), f"{type(frame).__name__}, expected sound"
        if self._encoder is None:
            self._encoder = VoiceOpusEncoder() if codec.mimeType.lower() == "audio/opus" else get_encoder(codec)
        payloads, timestamp = self._encoder.encode(frame)
        if not payloads:
            return None
        return RTCEncodedFrame(
            payloads, timestamp, level_dbov(np.frombuffer(memoryview(frame.planes[0]), np.int16, frame.samples))
        )


def level_dbov(samples: Int16Array) -> int:
    """The level of a sound, -127 to 0 dB of the loudest that there is (RFC 6465, Appendix A). samples: [num] int16."""
    levels = samples.astype(np.float32)
    energy = float(levels @ levels) / max(1, len(levels))
    return max(LEAST_LEVEL_DBOV, round(10 * math.log10(energy / 32767**2))) if energy > 0 else LEAST_LEVEL_DBOV

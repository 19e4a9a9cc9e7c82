"""The microphone's packets become sound on the event loop.

In: packets, as aiortc's receiver would queue them for its thread. Out: frames in the queue of the receiver's track.

aiortc decodes on a thread of each receiver. For 20 ms of Opus, 40 us of work, the way to the thread and back costs
several times as much, 50 times a second.
"""

import logging
from queue import SimpleQueue

import av
from aiortc import RTCRtpReceiver
from aiortc.codecs import get_decoder
from aiortc.codecs.base import Decoder
from aiortc.codecs.opus import OpusDecoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtcrtpreceiver import RemoteStreamTrack
from av.audio.codeccontext import AudioCodecContext

from contract.packets import VOICE_RATE_HZ

Packet = tuple[RTCRtpCodecParameters, JitterFrame]
log = logging.getLogger(__name__)


class VoiceOpusDecoder(OpusDecoder):
    """Decodes one voice; of two channels it gives the mean."""

    def __init__(self) -> None:
        codec = av.CodecContext.create("libopus", "r")
        assert isinstance(codec, AudioCodecContext), f"libopus is {type(codec).__name__}, expected an audio codec"
        codec.format, codec.layout, codec.sample_rate = "s16", "mono", VOICE_RATE_HZ
        self.codec = codec


class DecodingQueue:
    """In the place of the queue between a receiver and its decoding thread: what is put is decoded at once.

    The thread is left to wait for the end, which it tells the track.
    """

    def __init__(self, receiver: RTCRtpReceiver) -> None:
        self._receiver = receiver
        self._end: SimpleQueue[None] = SimpleQueue()
        self._codec_name = ""
        self._decoder: Decoder | None = None

    def put(self, packet: Packet | None) -> None:
        """Decode a packet, or take None for the end. Event loop."""
        if packet is None:
            self._decoder = None
            self._end.put(None)
            return
        codec, encoded = packet
        if self._decoder is None or codec.name != self._codec_name:
            self._decoder = VoiceOpusDecoder() if codec.mimeType.lower() == "audio/opus" else get_decoder(codec)
            self._codec_name = codec.name
        try:
            frames = self._decoder.decode(encoded)
        except av.FFmpegError as error:
            # The next packet is another one; the gap in time is seen where the sound is taken in.
            log.warning("a packet of %s can't be decoded: %s", codec.name, error)
            return
        track = self._receiver.track
        assert isinstance(track, RemoteStreamTrack), f"the receiver's track is {type(track).__name__}"
        for frame in frames:
            track._queue.put_nowait(frame)

    def get(self) -> None:
        """Wait for the end. The receiver's thread."""
        return self._end.get()

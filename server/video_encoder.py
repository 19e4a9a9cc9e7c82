"""VP8 for a talking portrait: one steady bound, no denoiser, one thread, a key frame only when asked.

aiortc's own follows the receiver's estimate and is made anew, with a key frame, at each change; its denoiser costs
2 dB on clean pictures; and libvpx with two threads spins on busy cores.
"""

from fractions import Fraction

import av
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.mediastreams import VIDEO_TIME_BASE, convert_timebase
from av.frame import Frame
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from contract.packets import FRAMES_PER_S

RATE_512_BPS = 1_200_000
RATE_256_BPS = 900_000
KEY_FRAME_INTERVAL_FRAMES = 3000
# Of 63. Finer steps would spend bits on errors of less than one level of 255.
FINEST_QUANTIZER, COARSEST_QUANTIZER = 5, 56
# Of a block of 16 x 16: what differs by less from its prediction, one level of 255 in the mean, is not coded again.
STILL_BLOCK_ERROR = 300


def rate_bps(num_pixels: int) -> int:
    """Bits a second for a picture of that size."""
    return RATE_512_BPS if num_pixels > 384 * 384 else RATE_256_BPS


class PortraitVp8Encoder(Vp8Encoder):
    """Encodes the avatar's pictures for one viewer."""

    def __init__(self) -> None:
        super().__init__()
        self._codec: VideoCodecContext | None = None
        self._receiver_estimate_bps = 0

    def encode(self, frame: Frame, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        """(RTP payloads, RTP timestamp) of a yuv420p picture, whose `opaque` is called when they are made."""
        assert isinstance(frame, av.VideoFrame), f"{type(frame).__name__}, expected a VideoFrame"
        assert frame.pts is not None and frame.time_base is not None, "a picture without a time"
        if self._codec is None or (self._codec.width, self._codec.height) != (frame.width, frame.height):
            self._codec = _open(frame.width, frame.height)
        frame.pict_type = PictureType.I if force_keyframe else PictureType.NONE
        timestamp = convert_timebase(frame.pts, frame.time_base, VIDEO_TIME_BASE)
        coded = b"".join(bytes(packet) for packet in self._codec.encode(frame))
        payloads = self._packetize(coded, self.picture_id)
        self.picture_id = (self.picture_id + 1) % (1 << 15)
        if callable(frame.opaque):
            frame.opaque()
        return payloads, timestamp

    @property
    def target_bitrate(self) -> int:
        """What the receiver thinks it can take; kept, not followed."""
        return self._receiver_estimate_bps

    @target_bitrate.setter
    def target_bitrate(self, bitrate: int) -> None:
        self._receiver_estimate_bps = bitrate


def _open(width_px: int, height_px: int) -> VideoCodecContext:
    rate = rate_bps(width_px * height_px)
    codec = av.CodecContext.create("libvpx", "w")
    assert isinstance(codec, VideoCodecContext), f"libvpx is {type(codec).__name__}, expected a video codec"
    codec.width, codec.height, codec.pix_fmt = width_px, height_px, "yuv420p"
    codec.bit_rate = rate
    codec.framerate = Fraction(FRAMES_PER_S)
    codec.time_base = VIDEO_TIME_BASE
    codec.gop_size = KEY_FRAME_INTERVAL_FRAMES
    codec.qmin, codec.qmax = FINEST_QUANTIZER, COARSEST_QUANTIZER
    codec.thread_count = 1
    codec.options = {
        "deadline": "realtime",
        "cpu-used": "-8",
        "lag-in-frames": "0",
        "noise-sensitivity": "0",
        "static-thresh": str(STILL_BLOCK_ERROR),
        "partitions": "0",
        # Equal bounds make the rate constant, where pictures need it all; the buffer is one second.
        "minrate": str(rate),
        "maxrate": str(rate),
        "bufsize": str(rate),
        "overshoot-pct": "15",
        "undershoot-pct": "100",
    }
    return codec

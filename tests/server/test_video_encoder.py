"""VP8 at a steady rate: how much, how good, and key frames only when asked."""

import time
from fractions import Fraction

import av
import numpy as np
from aiortc.codecs.vpx import Vp8Decoder, vp8_depayload
from aiortc.jitterbuffer import JitterFrame

from contract.packets import UInt8Array
from server.picture_format import PictureFormat
from server.video_encoder import RATE_256_BPS, PortraitVp8Encoder


def face(tick: int, side_px: int = 256) -> UInt8Array:
    """A shaded oval that sways, with a mouth that opens."""
    y, x = np.mgrid[0:side_px, 0:side_px] / side_px - 0.5
    sway = 0.03 * np.sin(tick / 9)
    oval = np.clip(1.4 - 9 * ((x - sway) ** 2 + (y / 1.3) ** 2), 0, 1)
    mouth = ((x - sway) ** 2 + ((y - 0.15) * 2) ** 2) < 0.004 * (1.2 + np.sin(tick / 2))
    image = np.stack([60 + 150 * oval, 50 + 110 * oval, 60 + 80 * oval], axis=-1)
    image[mouth] = (60, 10, 20)
    return image.clip(0, 255).astype(np.uint8)


def frame(image: UInt8Array, tick: int) -> av.VideoFrame:
    coded = av.VideoFrame.from_ndarray(PictureFormat().to_i420(image), format="yuv420p")
    coded.pts, coded.time_base = tick * 3600, Fraction(1, 90_000)
    return coded


def is_key(payloads: list[bytes]) -> bool:
    return not vp8_depayload(payloads[0])[0] & 1


def test_five_seconds_of_a_face_are_sharp_within_the_rate_with_one_key_frame() -> None:
    encoder, decoder = PortraitVp8Encoder(), Vp8Decoder()
    sizes, keys, errors = [], [], []
    began_s = time.process_time()
    for tick in range(125):
        image = face(tick)
        payloads, timestamp = encoder.encode(frame(image, tick))
        assert timestamp == tick * 3600
        assert all(len(payload) <= 1300 for payload in payloads)
        sizes.append(sum(map(len, payloads)))
        keys.append(is_key(payloads))
        data = b"".join(vp8_depayload(payload) for payload in payloads)
        (shown,) = decoder.decode(JitterFrame(data, timestamp))
        assert isinstance(shown, av.VideoFrame)
        errors.append(np.mean((shown.to_ndarray(format="rgb24").astype(float) - image) ** 2))
    assert keys == [True] + [False] * 124
    assert 8 * sum(sizes) / 5 < 1.3 * RATE_256_BPS
    assert 10 * np.log10(255**2 / np.mean(errors[5:])) > 34
    assert time.process_time() - began_s < 10


def test_a_key_frame_comes_when_asked_and_not_again() -> None:
    encoder = PortraitVp8Encoder()
    keys = [is_key(encoder.encode(frame(face(tick), tick), force_keyframe=tick == 10)[0]) for tick in range(20)]
    assert [tick for tick, key in enumerate(keys) if key] == [0, 10]


def test_the_receiver_s_estimate_costs_no_key_frame() -> None:
    encoder = PortraitVp8Encoder()
    keys = []
    for tick in range(30):
        encoder.target_bitrate = 300_000 + 50_000 * tick
        keys.append(is_key(encoder.encode(frame(face(tick), tick))[0]))
    assert keys.count(True) == 1
    assert encoder.target_bitrate == 1_750_000


def test_a_picture_of_another_size_begins_anew() -> None:
    encoder = PortraitVp8Encoder()
    assert is_key(encoder.encode(frame(face(0, 256), 0))[0])
    assert is_key(encoder.encode(frame(face(1, 128), 1))[0])

"""The pictures of the avatar that ships as they arrive: how near to what was painted, and at what cost."""

import time
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from aiortc.codecs.vpx import Vp8Decoder, vp8_depayload
from aiortc.jitterbuffer import JitterFrame

from assembly.avatar_factory import open_avatar
from bundles import embedded_bundle
from bundles.manifest import read_manifest
from contract.packets import FRAMES_PER_S, UInt8Array
from media.picture_file import read_picture
from pipeline.avatar import StreamSettings
from pipeline.speech_like import speech_like
from server.media_tracks import VIDEO_TIME_BASE
from server.picture_format import PictureFormat
from server.video_encoder import RATE_256_BPS, PortraitVp8Encoder
from tests.figures import Note

NUM_FRAMES = 5 * FRAMES_PER_S
SETTLED = 10
PHOTOGRAPH = Path(__file__).resolve().parent.parent / "data" / "photographs" / "astronaut.jpg"
# Where the face is: top to chin, ear to ear.
FACE = (slice(60, 220), slice(60, 200))


def psnr_db(shown: UInt8Array, given: UInt8Array) -> float:
    error = np.square(shown.astype(np.float64) - given).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def ssim(shown: UInt8Array, given: UInt8Array) -> float:
    """Structural similarity (Wang et al., 2004), windows of a Gaussian of 1.5 px."""

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5))

    a, b = shown.astype(np.float64), given.astype(np.float64)
    mean_a, mean_b = mean(a), mean(b)
    variances = mean(a * a) - mean_a**2 + mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    near, alike = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mean_a * mean_b + near) * (2 * covariance + alike)
    return float((similarity / ((mean_a**2 + mean_b**2 + near) * (variances + alike))).mean())


def talking(file: Path | None) -> list[UInt8Array]:
    """Pictures of speech, [384, 256] uint8, I420; of the bundle's own face, or one from a file."""
    folder = embedded_bundle()
    manifest = read_manifest(folder, verify_sums=False)
    settings = StreamSettings()
    avatar, pictures = open_avatar(folder, settings=settings), PictureFormat()
    own = folder / manifest.portraits[manifest.default_portrait].file
    stream = avatar.start(avatar.prepare(read_picture(file or own)), settings)
    chunks = islice(speech_like(), NUM_FRAMES)
    found = [pictures.to_i420(frame.image) for chunk in chunks for frame in stream.push(chunk)]
    avatar.close()
    return found


@pytest.mark.parametrize("file", [None, PHOTOGRAPH], ids=["painted", "photographed"])
def test_what_is_sent_of_a_speaking_face_is_what_was_painted(file: Path | None, note_figures: Note) -> None:
    encoder, decoder = PortraitVp8Encoder(), Vp8Decoder()
    whole_db, face_db, alike, sizes, packets, taken_s = [], [], [], [], [], 0.0
    for number, picture in enumerate(talking(file)):
        frame = av.VideoFrame.from_numpy_buffer(picture, format="yuv420p")
        frame.pts, frame.time_base = number * 3600, VIDEO_TIME_BASE
        began_s = time.thread_time()
        payloads, timestamp = encoder.encode(frame)
        taken_s += time.thread_time() - began_s
        data = b"".join(vp8_depayload(payload) for payload in payloads)
        (shown,) = decoder.decode(JitterFrame(data, timestamp))
        assert isinstance(shown, av.VideoFrame)
        levels = np.asarray(shown.to_ndarray(), np.uint8)
        whole_db.append(psnr_db(levels[:256], picture[:256]))
        face_db.append(psnr_db(levels[FACE], picture[FACE]))
        alike.append(ssim(levels[:256], picture[:256]))
        sizes.append(len(data))
        packets.append(len(payloads))
    rate_bps = 8 * FRAMES_PER_S * float(np.mean(sizes[SETTLED:]))
    figures = {
        "coded PSNR dB": float(np.mean(whole_db[SETTLED:])),
        "5th percentile dB": float(np.percentile(whole_db[SETTLED:], 5)),
        "face dB": float(np.mean(face_db[SETTLED:])),
        "SSIM": float(np.mean(alike[SETTLED:])),
        "kb/s": rate_bps / 1000,
        "packets a picture": float(np.mean(packets[SETTLED:])),
        "CPU ms a picture": 1000 * taken_s / len(sizes),
    }
    note_figures({name: round(value, 4 if name == "SSIM" else 2) for name, value in figures.items()})
    # An error of one level and a half of 255.
    assert np.mean(face_db[SETTLED:]) > 44.6 and min(whole_db[SETTLED:]) > 44.6
    assert np.mean(alike[SETTLED:]) > 0.985
    assert rate_bps < RATE_256_BPS

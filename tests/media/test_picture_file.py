"""Pictures from files, and files that are none."""

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from contract.errors import PortraitError
from contract.packets import UInt8Array
from media.picture_file import read_picture


def picture() -> UInt8Array:
    """Red in the upper left quarter, blue elsewhere; 40 x 64."""
    image = np.zeros((40, 64, 3), np.uint8)
    image[..., 2] = 200
    image[:20, :32] = (200, 0, 0)
    return image


def coded(codec_name: str, pixel_format: str) -> bytes:
    codec = av.CodecContext.create(codec_name, "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = 64, 40, pixel_format
    codec.framerate = Fraction(1)
    frame = av.VideoFrame.from_ndarray(picture(), format="rgb24").reformat(format=pixel_format)
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


def turned(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF block that says how to turn it."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"MM\x00\x2a" + struct.pack(">I", 8) + struct.pack(">H", 1) + entry + struct.pack(">I", 0)
    block = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


@pytest.mark.parametrize(
    ("codec", "pixel_format", "name"),
    [("png", "rgb24", "a.png"), ("mjpeg", "yuvj444p", "a.jpg"), ("bmp", "bgr24", "b")],
)
def test_formats(tmp_path: Path, codec: str, pixel_format: str, name: str) -> None:
    (tmp_path / name).write_bytes(coded(codec, pixel_format))
    assert np.abs(read_picture(tmp_path / name).astype(int) - picture()).mean() < 6


@pytest.mark.parametrize(("orientation", "quarter_turns"), [(1, 0), (3, 2), (6, -1), (8, 1)])
def test_a_phone_s_picture_stands_upright(tmp_path: Path, orientation: int, quarter_turns: int) -> None:
    path = tmp_path / "phone.jpg"
    path.write_bytes(turned(coded("mjpeg", "yuvj444p"), orientation))
    expected = np.rot90(picture(), quarter_turns).astype(int)
    found = read_picture(path)
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < 6


def test_what_is_no_picture_is_refused_by_name(tmp_path: Path) -> None:
    text = tmp_path / "notes.png"
    text.write_text("no picture")
    empty = tmp_path / "empty.jpg"
    empty.write_bytes(b"")
    cut = tmp_path / "cut.png"
    cut.write_bytes(coded("png", "rgb24")[:40])
    for path in (text, empty, cut, tmp_path, tmp_path / "missing.png"):
        with pytest.raises(PortraitError, match=path.name):
            read_picture(path)


def test_what_is_transparent_stands_on_white(tmp_path: Path) -> None:
    rgba = np.zeros((40, 64, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[:, 32:, 3] = 255
    rgba[:20, :32, 3] = 51
    codec = av.CodecContext.create("png", "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt, codec.framerate = 64, 40, "rgba", Fraction(1)
    packets = [*codec.encode(av.VideoFrame.from_ndarray(rgba, format="rgba")), *codec.encode(None)]
    (tmp_path / "cut.png").write_bytes(b"".join(bytes(packet) for packet in packets))
    found = read_picture(tmp_path / "cut.png")
    np.testing.assert_array_equal(found[0, 63], (200, 0, 0))
    np.testing.assert_array_equal(found[0, 0], (244, 204, 204))
    np.testing.assert_array_equal(found[39, 0], (255, 255, 255))


def test_grey_pictures_become_rgb(tmp_path: Path) -> None:
    (tmp_path / "grey.png").write_bytes(coded("png", "gray"))
    found = read_picture(tmp_path / "grey.png")
    assert found.shape == (40, 64, 3)
    assert (found[..., 0] == found[..., 2]).all()


def test_a_small_file_with_a_huge_picture_is_refused(tmp_path: Path) -> None:
    png = bytearray(coded("png", "rgb24"))
    png[16:24] = struct.pack(">II", 20_000, 20_000)
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    (tmp_path / "huge.png").write_bytes(png)
    with pytest.raises(PortraitError, match="more than 64 million pixels"):
        read_picture(tmp_path / "huge.png")


@pytest.mark.parametrize(
    ("name", "content"), [("notes.txt", "a page of notes to oneself\n" * 20), ("face.svg", "<svg/>")]
)
def test_text_is_no_picture(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(PortraitError, match=rf"{name} .* expected .*PNG or JPEG"):
        read_picture(tmp_path / name)


def test_a_name_with_a_colon_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shot10:30.png").write_bytes(coded("png", "rgb24"))
    monkeypatch.chdir(tmp_path)
    assert read_picture(Path("shot10:30.png")).shape == (40, 64, 3)

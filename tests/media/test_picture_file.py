"""Pictures from files, and files that are none."""

import struct
import tracemalloc
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from contract.errors import PortraitError
from contract.packets import UInt8Array
from media.picture_file import MOST_EXIF_BYTES, read_picture


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


UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_phone_s_picture_stands_upright(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "phone.jpg"
    path.write_bytes(turned(coded("mjpeg", "yuvj444p"), orientation))
    expected = UPRIGHT[orientation](picture()).astype(int)
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


@pytest.mark.parametrize(
    ("codec", "pixel_format", "tolerance"),
    [("png", "rgb48be", 1), ("png", "gray16be", 90), ("png", "pal8", 40), ("tiff", "rgb24", 1)],
)
def test_deep_and_indexed_pictures_become_rgb(tmp_path: Path, codec: str, pixel_format: str, tolerance: int) -> None:
    path = tmp_path / f"a.{codec}"
    path.write_bytes(coded_or_indexed(codec, pixel_format))
    found = read_picture(path)
    assert found.shape == (40, 64, 3)
    assert np.abs(found.astype(int) - picture()).mean() < tolerance


def coded_or_indexed(codec: str, pixel_format: str) -> bytes:
    if pixel_format != "pal8":
        return coded(codec, pixel_format)
    # A palette of two colours, written by hand.
    rows = b"".join(b"\x00" + bytes(0 if y < 20 and x < 32 else 1 for x in range(64)) for y in range(40))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 64, 40, 8, 3, 0, 0, 0)),
        (b"PLTE", bytes((200, 0, 0, 0, 0, 200))),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    packed = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def test_of_an_animation_the_first_picture_is_taken(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.gif"), "w", format="gif") as container:
        stream = container.add_stream("gif", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 40, "rgb8"
        for i in range(3):
            image = picture() if i == 0 else np.zeros_like(picture())
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="rgb8")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert np.abs(read_picture(tmp_path / "a.gif").astype(int) - picture()).mean() < 40


def test_of_a_long_film_little_is_held(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 40, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(), format="rgb24")))
        container.mux(stream.encode(None))
    with path.open("r+b") as file:
        file.truncate(2**29)
    tracemalloc.start()
    try:
        assert read_picture(path).shape == (40, 64, 3)
        assert tracemalloc.get_traced_memory()[1] < 2 * MOST_EXIF_BYTES
    finally:
        tracemalloc.stop()


def test_one_tile_of_a_picture_is_not_taken_for_the_picture() -> None:
    path = Path(__file__).parent.parent / "data" / "pictures" / "tiled.heic"
    with pytest.raises(PortraitError, match=r"tiled\.heic is stored in tiles, .* expected JPEG or PNG"):
        read_picture(path)


def test_an_animated_webp_is_named(tmp_path: Path) -> None:
    size = struct.pack("<I", 10)
    body = (
        b"WEBPVP8X" + size + b"\x02\x00\x00\x00" + bytes((63, 0, 0, 39, 0, 0)) + b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    )
    (tmp_path / "moving.webp").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    with pytest.raises(PortraitError, match=r"moving\.webp is an animated WebP, expected a still picture"):
        read_picture(tmp_path / "moving.webp")


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

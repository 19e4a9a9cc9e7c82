"""Faces are found in pictures of all kinds, and rarely where there is none."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from bundles import embedded_bundle
from bundles.manifest import read_manifest
from contract.packets import UInt8Array
from media.picture_file import read_picture
from pipeline.cascade_detector import CascadeDetector
from tests.pipeline.drawn_face import draw_faces

ASTRONAUT = Path(__file__).parent.parent / "data" / "photographs" / "astronaut.jpg"
FACE = (132, 48, 205, 121)
DETECTOR = CascadeDetector()


def astronaut() -> UInt8Array:
    return read_picture(ASTRONAUT)


def tilted(picture: UInt8Array, clockwise_deg: float) -> UInt8Array:
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((168, 84), -clockwise_deg, 1)
    return cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)


def noisy(picture: UInt8Array) -> UInt8Array:
    noise = np.random.default_rng(0).normal(0, 25, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


VARIANTS: dict[str, Callable[[UInt8Array], UInt8Array]] = {
    "as it is": lambda p: p,
    "grey": lambda p: np.repeat(p.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8),
    "dark": lambda p: (p * 0.15).astype(np.uint8),
    "faint": lambda p: (110 + p * 0.15).astype(np.uint8),
    "blurred": lambda p: cv2.GaussianBlur(p, (0, 0), 2.0).astype(np.uint8),
    "noisy": noisy,
    "lit from one side": lambda p: (p * np.linspace(0.2, 1, p.shape[1])[None, :, None]).astype(np.uint8),
    "a little tilted": lambda p: tilted(p, 10),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_photographed_face_is_found_however_it_was_taken(name: str) -> None:
    (face,) = DETECTOR.find(VARIANTS[name](astronaut()))
    found = np.array((face.left, face.top, face.right, face.bottom))
    assert np.abs(found - FACE).max() < 12
    assert (face.view, face.is_certain, face.tilt_deg) == ("frontal", True, 0)


@pytest.mark.parametrize("tilt_deg", [-30, 30])
def test_a_head_far_tilted_is_found_and_its_tilt_told(tilt_deg: float) -> None:
    (face,) = DETECTOR.find(tilted(astronaut(), tilt_deg))
    assert abs(face.tilt_deg - tilt_deg) <= 5
    assert np.hypot((face.left + face.right) / 2 - 168, (face.top + face.bottom) / 2 - 84) < 15


def test_a_small_face_in_a_large_plain_picture_is_found() -> None:
    large = np.full((1600, 1200, 3), (120, 140, 150), np.uint8)
    large[1100:1484, 300:684] = astronaut()
    (face,) = DETECTOR.find(large)
    assert np.abs(np.array((face.left - 300, face.top - 1100, face.right - 300, face.bottom - 1100)) - FACE).max() < 15


@pytest.mark.parametrize(
    ("height", "width", "face"),
    [(400, 500, (250, 200, 100)), (1200, 900, (400, 500, 300)), (300, 300, (60, 150, 60)), (200, 200, (100, 100, 70))],
)
def test_a_drawn_face_is_found_where_it_is(height: int, width: int, face: tuple[int, int, int]) -> None:
    (found,) = DETECTOR.find(draw_faces(height, width, face))
    x, y, radius = face
    assert abs((found.left + found.right) / 2 - x) < 0.15 * radius
    assert abs((found.top + found.bottom) / 2 - y) < 0.15 * radius
    assert 1.4 * radius < found.side_px < 2.3 * radius


@pytest.mark.parametrize("name", list(read_manifest(embedded_bundle(), verify_sums=False).portraits))
def test_every_face_of_the_avatar_that_ships_is_found_in_the_middle(name: str) -> None:
    bundle = embedded_bundle()
    picture = read_picture(bundle / read_manifest(bundle, verify_sums=False).portraits[name].file)
    (face,) = DETECTOR.find(picture)
    assert face.is_certain and face.view == "frontal"
    side = picture.shape[0]
    assert abs((face.left + face.right) / 2 / side - 0.5) < 0.1
    assert 0.4 < face.side_px / side < 0.7


def without_a_face() -> Iterator[UInt8Array]:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:300, 0:400]
    for i in (0, 4):
        yield rng.integers(0, 256, (300, 400, 3)).astype(np.uint8)
        yield np.repeat((y * rng.uniform(0, 0.8) + x * rng.uniform(0, 0.6))[..., None], 3, 2).astype(np.uint8)
        yield np.repeat(((y // (10 + 9 * i) + x // (10 + 7 * i)) % 2 * 255)[..., None], 3, 2).astype(np.uint8)
        text = np.full((300, 400, 3), 250, np.uint8)
        for line in range(9):
            words = "".join(map(chr, rng.integers(97, 123, 30)))
            cv2.putText(text, words, (5, 30 + line * 32), cv2.FONT_HERSHEY_SIMPLEX, 0.5 + 0.1 * i, (20, 20, 20), 2)
        yield text
        discs = np.full((300, 400, 3), 200, np.uint8)
        for _ in range(60):
            place, colour = rng.integers(0, (400, 300)), rng.integers(0, 256, 3)
            cv2.circle(discs, (int(place[0]), int(place[1])), int(rng.integers(5, 50)), colour.tolist(), -1)
        yield discs
        clouds = np.zeros((300, 400))
        for octave in range(1, 7):
            clouds += cv2.resize(rng.normal(0, 0.6**octave, (2**octave, 2**octave)), (400, 300))
        yield np.repeat((128 + 100 * clouds / np.abs(clouds).max())[..., None], 3, 2).astype(np.uint8)


@pytest.mark.slow
def test_noise_text_patterns_and_clouds_are_no_faces() -> None:
    pictures = list(without_a_face())
    taken_for_one = [i for i, picture in enumerate(pictures) if any(f.view != "side" for f in DETECTOR.find(picture))]
    assert len(pictures) == 12
    assert taken_for_one == []


def test_a_face_upside_down_is_not_taken_for_one() -> None:
    assert [face for face in DETECTOR.find(astronaut()[::-1].copy()) if face.is_certain] == []


def test_a_picture_far_wider_than_high_is_searched_in_reasonable_time() -> None:
    assert DETECTOR.find(np.full((40, 4096, 3), 90, np.uint8)) == []

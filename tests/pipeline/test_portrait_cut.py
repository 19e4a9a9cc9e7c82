"""The cut about a face is the one the networks know, and what is wrong with a picture is said in words."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from contract.errors import PortraitError
from contract.packets import Float32Array, UInt8Array
from pipeline.cascade_detector import CascadeDetector
from pipeline.found_face import FoundFace
from pipeline.portrait_cut import (
    Place,
    crop_about_face,
    cut_place,
    cut_portrait,
    find_face,
    framed_place,
    middle_square,
    resize_square,
    take_as_it_is,
)
from tests.pipeline.drawn_face import draw_faces

GREY = np.full((400, 600, 3), 128, np.uint8)


class GivenFaces:
    """A detector that finds what it was given, in every picture of one size and in no other."""

    def __init__(self, *faces: FoundFace, shape: tuple[int, int] = (400, 600)) -> None:
        self._faces, self._shape = list(faces), shape

    def find(self, picture: UInt8Array) -> list[FoundFace]:
        """The given faces."""
        return self._faces if picture.shape[:2] == self._shape else []


def face(x: float = 300, y: float = 200, side: float = 100, **more: object) -> FoundFace:
    half = side / 2
    return FoundFace(x - half, y - half, x + half, y + half, **more)  # type: ignore[arg-type]


def test_the_cut_is_a_square_of_1_6_times_the_box_about_its_centre() -> None:
    picture = np.zeros((300, 400, 3), np.uint8)
    picture[100:150, 200:240] = 255
    square = crop_about_face(picture, (200, 100, 240, 150))
    assert square.shape == (80, 80, 3)
    assert (square[15:65, 20:60] == 255).all()
    assert square.sum() == 255 * 3 * 50 * 40


def test_the_cut_is_black_where_it_leaves_the_picture() -> None:
    picture = np.full((100, 100, 3), 200, np.uint8)
    square = crop_about_face(picture, (0, 10, 60, 70))
    assert square.shape == (96, 96, 3)
    assert not square[:, :18].any()
    assert not square[:8].any()
    assert (square[8:, 18:] == 200).all()


def test_without_a_cut_the_middle_square_is_taken() -> None:
    picture = np.arange(6 * 10 * 3, dtype=np.uint8).reshape(6, 10, 3)
    np.testing.assert_array_equal(middle_square(picture), picture[:, 2:8])
    np.testing.assert_array_equal(middle_square(picture.transpose(1, 0, 2)), picture.transpose(1, 0, 2)[2:8])


def test_shrinking_averages_and_the_right_size_is_left_alone() -> None:
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    square = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    assert abs(resize_square(square, 16).astype(int) - 127).max() <= 1
    np.testing.assert_array_equal(resize_square(square, 64), square)
    assert resize_square(square, 256).shape == (256, 256, 3)


def test_a_good_picture_is_cut_without_a_word() -> None:
    cut = cut_portrait(GREY, GivenFaces(face()), 256)
    assert cut.square.shape == (160, 160, 3)
    assert cut.warnings == ()


def test_of_several_faces_one_that_is_clearly_the_largest_is_taken() -> None:
    picture = draw_faces(500, 1000, (150, 250, 70), (600, 250, 160), (900, 200, 60))
    left, _, right, _ = find_face(picture)
    assert left < 600 < right
    (warning,) = cut_portrait(picture, CascadeDetector(), 64).warnings
    assert warning == "3 faces were found, the largest is taken"


def test_two_faces_of_about_one_size_are_refused() -> None:
    with pytest.raises(PortraitError, match=r"2 faces were found .* 100 and 85 px high: expected one face"):
        cut_portrait(GREY, GivenFaces(face(), face(100, 100, 85)), 256)
    with pytest.raises(PortraitError, match="2 faces were found"):
        find_face(draw_faces(500, 1000, (250, 250, 140), (750, 250, 140)))


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_without_a_face_says_so_and_names_the_way_out(value: int) -> None:
    with pytest.raises(PortraitError, match=r"no face was found in the picture of 320 x 240 px.*--no-crop"):
        find_face(np.full((240, 320, 3), value, np.uint8))


@pytest.mark.parametrize(
    ("num_quarters", "turn"),
    [(3, "a quarter turn to the left"), (2, "half a turn"), (1, "a quarter turn to the right")],
)
def test_a_picture_that_lies_on_its_side_is_told_from_one_without_a_face(num_quarters: int, turn: str) -> None:
    lying = np.ascontiguousarray(np.rot90(draw_faces(500, 700, (300, 250, 140)), num_quarters))
    with pytest.raises(PortraitError, match=f"does not stand upright: a face shows after {turn}"):
        cut_portrait(lying, CascadeDetector(), 64)


def test_a_face_from_the_side_is_refused() -> None:
    with pytest.raises(PortraitError, match="a face from the side only: expected one that looks at the camera"):
        cut_portrait(GREY, GivenFaces(face(view="side")), 256)
    assert cut_portrait(GREY, GivenFaces(face(), face(100, 100, 95, view="side")), 256).warnings == ()


@pytest.mark.parametrize(
    ("found", "model_side_px", "warning"),
    [
        (face(view="turned"), 256, "the head seems turned aside"),
        (face(tilt_deg=-24.6), 256, "the head is tilted by about 25 degrees"),
        (face(is_certain=False), 256, "what was found at 300, 200 px may be no face"),
        (face(side=60), 256, "the portrait is only 96 px wide and will look soft: expected 256 px or more"),
        (face(x=40), 256, "25% of the portrait lie outside: take a picture with more room"),
    ],
)
def test_what_is_less_than_ideal_is_said(found: FoundFace, model_side_px: int, warning: str) -> None:
    (said,) = cut_portrait(GREY, GivenFaces(found), model_side_px).warnings
    assert warning in said


def test_a_picture_taken_as_it_is_tells_what_is_left_out_and_how_small_it_is() -> None:
    assert take_as_it_is(GREY[:, :400], 512).warnings == ()
    (oblong,) = take_as_it_is(GREY, 512).warnings
    assert oblong == "of the picture's 600 x 400 px only the middle square is taken"
    (small,) = take_as_it_is(GREY[:100, :100], 512).warnings
    assert "only 100 px wide" in small


def places(height_px: int = 400, width_px: int = 600) -> UInt8Array:
    """A picture whose colours tell where they lie: [height, width, 3] uint8, red to the right and green down."""
    picture = np.zeros((height_px, width_px, 3), np.uint8)
    picture[..., 0] = np.linspace(0, 255, width_px).round()
    picture[..., 1] = np.linspace(0, 255, height_px).round()[:, None]
    return picture


def a_reader_of(
    wanted: Place, blur: float = 0.0, looks: list[int] | None = None
) -> Callable[[UInt8Array], Float32Array]:
    """Reads from the colours of `places` how a square lies to the wanted one.

    blur: share of the way that it is wrong by
    looks: is given the side of every square that was looked at
    """

    def read(square: UInt8Array) -> Float32Array:
        if looks is not None:
            looks.append(len(square))
        # From the middle half, which lies in the picture.
        side = len(square)
        part = square[side // 4 : -side // 4, side // 4 : -side // 4].astype(float)
        x, y = part[..., 0].mean() / 255 * 599, part[..., 1].mean() / 255 * 399
        left, right = part[:, 0, 0].mean(), part[:, -1, 0].mean()
        size = (right - left) / 255 * 599 / (part.shape[1] - 1) * side
        way = np.array(
            [
                (wanted.left + wanted.side / 2 - x - 0.5) / size,
                (wanted.top + wanted.side / 2 - y - 0.5) / size,
                math.log(wanted.side / size),
            ]
        )
        return (way * (1 - blur)).astype(np.float32)

    return read


def test_a_place_moves_by_sides_about_its_middle() -> None:
    place = Place(100, 50, 200)
    assert place.moved(0, 0, 0) == place
    assert place.moved(0.1, -0.05, 0) == Place(120, 40, 200)
    assert place.moved(0, 0, math.log(1.5)) == Place(50, 0, 300)
    # The middle goes by sides of the square that was looked at, not of the new one.
    assert place.moved(0.5, 0, math.log(0.5)) == Place(250, 100, 100)
    assert place.moved(0, 0, -50).side == 2


def test_a_place_about_a_box_is_the_cut_of_it() -> None:
    assert Place.about((200, 100, 240, 150)) == Place(180, 85, 80)


def test_what_lies_outside_is_black_or_goes_on_as_the_edge() -> None:
    picture = places(100, 100)
    place = Place(-30, 40, 80)
    black, extended = cut_place(picture, place), cut_place(picture, place, is_extended=True)
    assert black.shape == extended.shape == (80, 80, 3)
    for square in (black, extended):
        np.testing.assert_array_equal(square[:60, 30:], picture[40:, :50])
    assert not black[:, :30].any() and not black[60:].any()
    np.testing.assert_array_equal(extended[:60, :30], np.repeat(picture[40:, :1], 30, axis=1))
    np.testing.assert_array_equal(extended[60:, 30:], np.repeat(picture[-1:, :50], 20, axis=0))


@pytest.mark.parametrize("place", [Place(-90, 0, 80), Place(0, -90, 80), Place(100, 0, 80), Place(0, 500, 80)])
@pytest.mark.parametrize("is_extended", [True, False])
def test_a_place_without_any_of_the_picture_is_black(place: Place, is_extended: bool) -> None:
    square = cut_place(np.full((100, 100, 3), 200, np.uint8), place, is_extended=is_extended)
    assert square.shape == (80, 80, 3) and not square.any()


@pytest.mark.parametrize("wanted", [Place(220, 130, 130), Place(180, 90, 220), Place(250, 110, 160)])
@pytest.mark.parametrize("blur", [0.0, 0.3])
def test_a_square_is_brought_to_where_the_network_wants_it(wanted: Place, blur: float) -> None:
    first = Place(220, 120, 160)
    found = framed_place(places(), first, a_reader_of(wanted, blur), 64)
    miss = max(abs(found.left - wanted.left), abs(found.top - wanted.top), abs(found.side - wanted.side))
    assert miss <= 4
    assert miss < 0.2 * max(abs(first.left - wanted.left), abs(first.top - wanted.top), abs(first.side - wanted.side))


def test_looking_ends_where_the_square_stays_and_goes_on_no_longer_than_it_must() -> None:
    first, sides = Place(220, 120, 160), list[int]()
    framed_place(places(), first, a_reader_of(first, looks=sides), 64)
    assert sides == [64]
    restless = [0.1, -0.1] * 10
    looked = framed_place(places(), first, lambda _: np.array([restless.pop(), 0, 0], np.float32), 64)
    assert len(restless) == 16
    assert abs(looked.left - first.left) <= 16 and looked.side == 160


@pytest.mark.parametrize("read", [(0.3, 0, 0), (0, -0.3, 0), (0, 0, 0.7), (0, 0, -0.7), (0, 0, 0.4), (0, 0, -0.4)])
def test_a_wild_reading_leaves_the_detectors_square(read: tuple[float, float, float]) -> None:
    """Too far at once, or larger and larger, step by step."""
    first = Place(220, 120, 160)
    assert framed_place(places(), first, lambda _: np.array(read, np.float32), 64) == first


def test_a_network_that_knows_its_square_has_the_picture_cut_to_it() -> None:
    wanted, picture = Place(240, 100, 180), places()
    rough = cut_portrait(picture, GivenFaces(face()), 64)
    cut = cut_portrait(picture, GivenFaces(face()), 64, a_reader_of(wanted))
    assert rough.square.shape == (160, 160, 3)
    assert abs(len(cut.square) - 180) <= 3 and cut.warnings == ()
    middle = len(cut.square) // 2
    expected = picture[wanted.top + 90, wanted.left + 90].astype(int)
    assert np.abs(cut.square[middle, middle].astype(int) - expected).max() <= 2


def test_a_square_that_the_network_moves_outside_is_filled_with_the_edge_and_told() -> None:
    grey = np.full((400, 600, 3), 128, np.uint8)
    once = [np.array([-0.2, 0, 0], np.float32)]
    cut = cut_portrait(grey, GivenFaces(face(x=70)), 64, lambda _: once.pop() if once else np.zeros(3, np.float32))
    assert (cut.square == 128).all()
    (warning,) = cut.warnings
    assert "26% of the portrait lie outside: take a picture with more room" in warning

"""Faces are found and cut out as the networks expect, and pictures that can't be portraits say why."""

import numpy as np
import pytest

from contract.errors import PortraitError
from pipeline.portrait import crop_about_face, encode_portrait, find_face, middle_square, resize_square
from tests.fakes import TINY_SPEC, portrait_reader
from tests.pipeline.drawn_face import draw_faces


@pytest.mark.parametrize(
    ("height", "width", "face"),
    [(400, 500, (250, 200, 100)), (1200, 900, (400, 500, 300)), (300, 300, (60, 150, 60)), (200, 200, (100, 100, 70))],
)
def test_a_face_is_found_where_it_is(height: int, width: int, face: tuple[int, int, int]) -> None:
    left, top, right, bottom = find_face(draw_faces(height, width, face))
    x, y, radius = face
    assert abs((left + right) / 2 - x) < 0.15 * radius
    assert abs((top + bottom) / 2 - y) < 0.15 * radius
    assert 1.5 * radius < right - left < 2.3 * radius


def test_of_several_faces_the_largest_is_taken() -> None:
    picture = draw_faces(500, 1000, (150, 250, 70), (600, 250, 160), (900, 200, 60))
    left, _, right, _ = find_face(picture)
    assert left < 600 < right


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_without_a_face_says_so_and_names_the_way_out(value: int) -> None:
    with pytest.raises(PortraitError, match=r"no frontal face was found in the picture of 320 x 240 px.*--no-crop"):
        find_face(np.full((240, 320, 3), value, np.uint8))


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


def test_the_encoder_sees_the_picture_in_its_range_and_once() -> None:
    engine = portrait_reader()
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[..., 0], picture[..., 2] = 255, 51
    portrait = encode_portrait(engine, TINY_SPEC, picture, crop=False)
    (call,) = engine.calls
    assert call["image"].shape == (1, 3, 16, 16)
    np.testing.assert_allclose(call["image"][0, :, 0, 0].astype(float), (1, -1, -0.6), atol=1e-6)
    assert portrait.identity_latent.shape == (1, TINY_SPEC.latent_dim)
    assert portrait.reference_motion.shape == (1, TINY_SPEC.latent_dim)
    assert list(portrait.feature_pyramid) == ["feature_0", "feature_1"]
    assert portrait.feature_pyramid["feature_1"].shape == (1, 2, 16, 16)


def test_a_picture_with_a_face_is_cut_before_it_is_encoded() -> None:
    engine = portrait_reader()
    encode_portrait(engine, TINY_SPEC, draw_faces(400, 800, (600, 200, 80)))
    face = np.moveaxis(engine.calls[0]["image"][0], 0, -1).astype(float)
    # Skin in the middle, where the whole picture has its grey ground.
    assert np.abs(face[8, 8] - np.array((225, 180, 150)) / 127.5 + 1).max() < 0.3


def test_a_huge_picture_is_cut_as_a_small_one_is() -> None:
    engine = portrait_reader()
    encode_portrait(engine, TINY_SPEC, draw_faces(6000, 6000, (3000, 3000, 1500)))
    encode_portrait(engine, TINY_SPEC, draw_faces(600, 600, (300, 300, 150)))
    large, small = (call["image"].astype(float) for call in engine.calls)
    assert np.abs(large - small).mean() < 0.1


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((64, 64), np.uint8), r"uint8 \[64, 64\], expected uint8 \[height, width, 3\]"),
        (np.zeros((64, 64, 4), np.uint8), r"\[64, 64, 4\]"),
        (np.zeros((64, 64, 3), np.float32), "float32"),
        (np.zeros((20, 64, 3), np.uint8), "64 x 20 px, expected at least 32"),
    ],
)
def test_what_is_no_rgb_picture_is_refused(picture: np.ndarray, message: str) -> None:
    with pytest.raises(PortraitError, match=message):
        encode_portrait(portrait_reader(), TINY_SPEC, picture)

"""Crops follow the face: the same places of it, however its portrait was cropped."""

import numpy as np
import pytest

from evaluation.face_crops import CROPS, FRAME_PX, MOUTH, Framing, crops_of, framed


def gradient(framing: Framing, side_px: int) -> np.ndarray:
    """A picture whose colours are the places of the framed face that they belong to."""
    middles = (np.arange(side_px) + 0.5) / side_px
    x = (middles - framing.x) / framing.zoom + 0.5
    y = (middles - framing.y) / framing.zoom + 0.5
    picture = np.zeros((side_px, side_px, 3))
    picture[..., 0], picture[..., 1] = x[None, :] * 255, y[:, None] * 255
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("framing", [Framing(), Framing(0.52, 0.47, 1.4), Framing(0.5, 0.5, 0.9)])
@pytest.mark.parametrize("side_px", [256, 512])
def test_the_same_place_of_a_face_is_at_the_same_pixel(framing: Framing, side_px: int) -> None:
    found = framed(gradient(framing, side_px), framing).astype(float)
    wanted = gradient(Framing(), FRAME_PX).astype(float)
    assert np.abs(found - wanted)[60:220, 60:200].max() <= 1.5


def test_a_frame_that_is_framed_already_is_taken_as_it_is() -> None:
    picture = gradient(Framing(), FRAME_PX)
    assert framed(picture, Framing()) is picture


def test_every_crop_has_its_size() -> None:
    crops = crops_of(gradient(Framing(), 64), Framing())
    assert {name: crop.shape for name, crop in crops.items()} == {
        name: (crop.size[1], crop.size[0], 3) for name, crop in CROPS.items()
    }
    assert crops["mouth"].shape[:2] == (MOUTH.bottom - MOUTH.top, MOUTH.right - MOUTH.left)

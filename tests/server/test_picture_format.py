"""Pictures become I420 once: what is sent again is not converted again."""

import numpy as np

from server.picture_format import PictureFormat


def test_grey_stays_grey_in_the_form_that_is_sent() -> None:
    converted = PictureFormat().to_i420(np.full((32, 48, 3), 128, np.uint8))
    assert converted.shape == (48, 48) and converted.dtype == np.uint8
    # Of the narrower range of video, 16 to 235.
    assert np.abs(converted[:32].astype(int) - 126).max() <= 1
    assert np.abs(converted[32:].astype(int) - 128).max() <= 1


def test_the_same_array_is_converted_once_and_an_equal_one_again() -> None:
    pictures = PictureFormat()
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    first = pictures.to_i420(image)
    assert pictures.to_i420(image) is first
    other = pictures.to_i420(image.copy())
    assert other is not first
    np.testing.assert_array_equal(other, first)
    assert pictures.to_i420(image) is not first, "only the last one is kept"

"""A camera's look is one thing in all pictures of a person, and only grain differs."""

import numpy as np

from training.painter_camera import photographed, random_look


def ramp() -> np.ndarray:
    return np.tile(np.linspace(20, 235, 96).astype(np.uint8)[None, :, None], (96, 1, 3))


def test_colours_are_the_same_in_two_pictures_and_grain_is_not() -> None:
    generator = np.random.default_rng(0)
    looks = [random_look(generator) for _ in range(40)]
    grainy = [look for look in looks if look.grain > 3 and not look.jpeg_quality]
    assert grainy
    for look in grainy:
        first, second = (photographed(ramp(), look, generator).astype(float) for _ in range(2))
        assert np.abs(first - second).mean() > 0.5
        assert abs(first.mean() - second.mean()) < 1.5
    for look in looks:
        one, other = (photographed(ramp(), look, generator, grain_share=0) for _ in range(2))
        np.testing.assert_array_equal(one, other)


def test_looks_differ_and_leave_something_to_see() -> None:
    generator = np.random.default_rng(1)
    pictures = [photographed(ramp(), random_look(generator), generator) for _ in range(40)]
    assert all(picture.shape == (96, 96, 3) and picture.dtype == np.uint8 for picture in pictures)
    assert min(float(picture.std()) for picture in pictures) > 12
    brightness = [float(picture.mean()) for picture in pictures]
    assert max(brightness) - min(brightness) > 60

"""SSIM and L1: their ends, an independent value, and means inside boxes."""

import numpy as np
import pytest

from evaluation.image_quality import l1_map, mean_inside, ssim_map


def picture(seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (40, 48, 3)).astype(np.uint8)


def test_equal_pictures_are_wholly_alike() -> None:
    assert ssim_map(picture(), picture()) == pytest.approx(np.ones((40, 48)))
    assert not l1_map(picture(), picture()).any()


def test_ssim_is_that_of_another_program() -> None:
    """The numbers are scikit-image's: gaussian weights, sigma 1.5, population covariance, range 255."""
    generator = np.random.default_rng(7)
    first = generator.integers(0, 256, (40, 48, 3)).astype(np.uint8)
    noise = generator.integers(0, 90, first.shape)
    second = np.clip(first.astype(int) // 2 + noise, 0, 255).astype(np.uint8)
    found = ssim_map(first, second)
    assert found.mean() == pytest.approx(0.7155072069946509, abs=1e-9)
    assert found[20, 20] == pytest.approx(0.7023712510664865, abs=1e-9)
    assert found[0, 0] == pytest.approx(0.6329212623051753, abs=1e-9)


def test_a_flat_picture_that_is_brighter_differs_by_luminance_alone() -> None:
    dark, bright = np.full((20, 20, 3), 100, np.uint8), np.full((20, 20, 3), 150, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert ssim_map(dark, bright) == pytest.approx((2 * 100 * 150 + c1) / (100**2 + 150**2 + c1))
    assert l1_map(dark, bright) == pytest.approx(50.0)


def test_unrelated_pictures_are_hardly_alike() -> None:
    assert abs(ssim_map(picture(1), picture(2)).mean()) < 0.1


def test_pixels_of_two_boxes_count_once() -> None:
    values = np.zeros((10, 10))
    values[2:4, 2:4] = 1.0
    assert mean_inside(values, [(2, 2, 4, 4)]) == 1.0
    assert mean_inside(values, [(2, 2, 4, 4), (2, 2, 4, 6)]) == 0.5
    assert mean_inside(values, [(2, 2, 4, 4), (6, 6, 8, 8)]) == 0.5


def test_pictures_of_two_sizes_are_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="expected one shape"):
        ssim_map(picture(), picture()[:20])

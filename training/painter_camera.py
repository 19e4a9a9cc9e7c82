"""What a camera does to a picture: colour, light, sharpness, grain and compression, one look a person.

It lets what is learned from paintings carry over to photographs. Colour and light are the same in all pictures of a
person, since a network can't know them otherwise; grain differs from picture to picture.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
_GRAIN_PX = 512
_LIGHT_GRID = 6


@dataclass(frozen=True)
class CameraLook:
    """curve: [256, 3] uint8; mixing: [3, 3] float32 of colours; light: [6, 6, 3] float32 factors over the picture."""

    curve: Picture
    mixing: NDArray[np.float32]
    light: NDArray[np.float32]
    blur_share: float  # deviation in parts of the picture's side; below 0: sharpened as much
    grain: float  # deviation in levels of 255
    grain_size: float
    jpeg_quality: int  # 0: none


def random_look(generator: np.random.Generator) -> CameraLook:
    """Any camera from a studio's to a telephone's in a warm, dim room."""
    exposure = float(np.exp(np.clip(generator.normal(), -2, 1.6) * 0.17))
    gamma = float(np.exp(generator.normal() * 0.16))
    contrast = float(generator.uniform(-0.25, 0.35))
    warmth, green = generator.normal() * 0.10, generator.normal() * 0.035
    cast = np.array([1 + warmth, 1 + green, 1 - warmth])
    lift = generator.uniform(0, 0.07, 3) * (generator.random() < 0.4)
    levels = (np.arange(256) / 255)[:, None] * cast[None] * exposure
    levels = 1 - np.exp(-levels * 1.9) / 1.0 if generator.random() < 0.25 else levels
    levels = np.clip(levels, 0, 1) ** gamma
    levels = levels + contrast * (levels * levels * (3 - 2 * levels) - levels)
    curve = np.clip((lift + (1 - lift) * levels) * 255, 0, 255).astype(np.uint8)
    saturation = float(np.clip(1 + generator.normal() * 0.22, 0.0, 1.5)) if generator.random() > 0.04 else 0.0
    grey = np.array([[0.30, 0.59, 0.11]])
    mixing = (saturation * np.eye(3) + (1 - saturation) * grey).astype(np.float32)
    sharpness = generator.random()
    blur = 0.0 if sharpness < 0.3 else float(generator.uniform(0.0012, 0.0065))
    if sharpness > 0.85:
        blur = -float(generator.uniform(0.003, 0.008))
    return CameraLook(
        curve=curve,
        mixing=mixing,
        light=_random_light(generator),
        blur_share=blur,
        grain=float(min(9.0, generator.gamma(1.2, 2.0))),
        grain_size=float(generator.choice([1.0, 1.0, 1.7])),
        jpeg_quality=int(generator.integers(28, 92)) if generator.random() < 0.5 else 0,
    )


def _random_light(generator: np.random.Generator) -> NDArray[np.float32]:
    """Warm and cold lamps, a vignette and the odd shadow over the picture."""
    y, x = np.meshgrid(np.linspace(-1, 1, _LIGHT_GRID), np.linspace(-1, 1, _LIGHT_GRID), indexing="ij")
    light = np.ones((_LIGHT_GRID, _LIGHT_GRID, 3))
    angle = generator.uniform(0, 2 * np.pi)
    slope = x * np.cos(angle) + y * np.sin(angle)
    tone = generator.normal() * 0.10
    strength = generator.normal() * 0.20
    light *= np.exp(np.clip(slope, -1, 1)[..., None] * (strength + tone * np.array([1.0, 0.0, -1.0])))
    light *= (1 - generator.uniform(0, 0.22) * (x**2 + y**2))[..., None]
    if generator.random() < 0.35:
        cx, cy, width = generator.uniform(-1, 1), generator.uniform(-1, 1), generator.uniform(0.3, 0.8)
        spot = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / width**2)
        light *= 1 + (generator.uniform(-0.40, 0.28) * spot)[..., None]
    return light.astype(np.float32)


@lru_cache(maxsize=4)
def _grain_tile(size: float) -> NDArray[np.int8]:
    """Noise of deviation 32 with a little colour, a pool to cut pieces from."""
    generator = np.random.default_rng(round(size * 10))
    small = round(_GRAIN_PX / size)
    noise = generator.standard_normal((small, small, 1)) + 0.5 * generator.standard_normal((small, small, 3))
    grain = cv2.resize(noise.astype(np.float32), (_GRAIN_PX, _GRAIN_PX), interpolation=cv2.INTER_LINEAR)
    return np.clip(grain * 32 / grain.std(), -127, 127).astype(np.int8)


def photographed(
    picture: Picture, look: CameraLook, generator: np.random.Generator, grain_share: float = 1.0
) -> Picture:
    """The picture as that camera takes it. picture: [size, size, 3] uint8 RGB; grain_share 0: no grain, no JPEG."""
    size = picture.shape[0]
    light = cv2.resize(look.light, (size, size), interpolation=cv2.INTER_CUBIC)
    out = cv2.multiply(picture, light, dtype=cv2.CV_8U)
    out = cv2.LUT(cv2.transform(out, look.mixing), look.curve[None])
    sigma = abs(look.blur_share) * size
    if sigma > 0.25:
        soft = cv2.GaussianBlur(out, (0, 0), sigma)
        out = soft if look.blur_share > 0 else cv2.addWeighted(out, 1.5, soft, -0.5, 0)
    strength = look.grain * grain_share
    if strength > 0.4:
        tile = _grain_tile(look.grain_size)
        y, x = (int(v) for v in generator.integers(0, _GRAIN_PX - min(size, _GRAIN_PX) + 1, 2))
        piece = tile[y : y + size, x : x + size] if size <= _GRAIN_PX else cv2.resize(tile, (size, size))
        out = cv2.addWeighted(out, 1.0, piece, strength / 32, 0, dtype=cv2.CV_8U)
    if look.jpeg_quality and grain_share >= 1:
        _, packed = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, look.jpeg_quality])
        out = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(out, np.uint8)

"""Grey noise that pictures of skin, hair and cloth are made of; drawn once a process, cut out by a person's seed."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

_TILE_PX = 640


def _even(noise: NDArray[np.float32]) -> NDArray[np.float32]:
    return (noise - noise.mean()) / (noise.std() + 1e-6)


@lru_cache(maxsize=16)
def noise_tile(grain_px: float) -> NDArray[np.float32]:
    """Smooth noise of mean 0 and deviation 1 with blobs of about `grain_px`: [640, 640] float32."""
    generator = np.random.default_rng(int(grain_px * 100))
    small = max(4, round(_TILE_PX / max(1.0, grain_px)))
    noise = generator.standard_normal((small, small)).astype(np.float32)
    return _even(np.asarray(cv2.resize(noise, (_TILE_PX, _TILE_PX), interpolation=cv2.INTER_CUBIC), np.float32))


@lru_cache(maxsize=2)
def hair_tile(is_curly: bool) -> NDArray[np.float32]:
    """Short hairs that hang down, or curls, laid over each other: [640, 640] float32, mean 0, deviation 1."""
    generator = np.random.default_rng(5 if is_curly else 6)
    tile = np.zeros((_TILE_PX, _TILE_PX), np.float32)
    for _ in range(5200 if is_curly else 9000):
        x, y = (int(v) for v in generator.integers(0, _TILE_PX, 2))
        value = float(generator.normal())
        if is_curly:
            radius = int(generator.integers(5, 17))
            start = float(generator.uniform(0, 360))
            axes = (radius, int(radius * generator.uniform(0.5, 0.9)))
            arc = start + float(generator.uniform(110, 260))
            cv2.ellipse(tile, (x, y), axes, float(generator.uniform(0, 180)), start, arc, value, 2, cv2.LINE_AA)
        else:
            length, lean = generator.uniform(7, 16), generator.normal() * 0.25
            end = (int(x + length * lean), int(y + length))
            cv2.line(tile, (x, y), end, value, 1, cv2.LINE_AA)
    return _even(np.asarray(cv2.GaussianBlur(tile, (0, 0), 0.9 if is_curly else 0.7), np.float32))


def cut(tile: NDArray[np.float32], shape: tuple[int, int], generator: np.random.Generator) -> NDArray[np.float32]:
    """A piece [height, width] of a tile; a larger one is mirrored at the tile's edge."""
    height, width = shape
    y, x = (int(v) for v in generator.integers(0, 200, 2))
    if y + height <= _TILE_PX and x + width <= _TILE_PX:
        return tile[y : y + height, x : x + width]
    return np.pad(tile, ((0, max(0, y + height - _TILE_PX)), (0, max(0, x + width - _TILE_PX))), "symmetric")[
        y : y + height, x : x + width
    ]

"""What stands behind a person: a studio's paper, lights out of focus, a room, or anything a camera blurs."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from training.painter_identity import Identity
from training.painter_noise import cut, noise_tile
from training.painter_shapes import Colour, lit, mix, shaded

_COARSE_PX = 96
Floats = NDArray[np.float32]


@lru_cache(maxsize=24)
def backdrop_picture(identity: Identity, size_px: int) -> NDArray[np.uint8]:
    """RGBA [size_px, size_px, 4]; not to be written to."""
    generator = np.random.default_rng([identity.seed, 7])
    side = _COARSE_PX
    y, x = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side), indexing="ij")
    picture = _studio(identity, x.astype(np.float32), y.astype(np.float32))
    if identity.backdrop_style == "bokeh":
        picture = _bokeh(picture, identity, generator)
    elif identity.backdrop_style == "room":
        picture = _room(picture, identity, generator)
    elif identity.backdrop_style == "outdoors":
        picture = _outdoors(picture, identity, generator)
    picture = np.asarray(cv2.resize(picture, (size_px, size_px), interpolation=cv2.INTER_CUBIC), np.float32)
    # One level of noise, or smooth paper shows bands.
    picture += cv2.merge([cut(noise_tile(1.0), (size_px, size_px), generator) * np.float32(1.2 / 255)] * 3)
    levels = cv2.convertScaleAbs(np.maximum(picture, 0), alpha=255)
    rgba = np.asarray(cv2.cvtColor(levels, cv2.COLOR_RGB2RGBA), np.uint8)
    rgba.setflags(write=False)
    return rgba


def _studio(identity: Identity, x: Floats, y: Floats) -> Floats:
    """Paper with a lamp on it and dark corners."""
    base = identity.backdrop
    side = 0.5 + 0.28 * identity.light
    glow = np.exp(-(((x - side) / 0.55) ** 2 + ((y - 0.32) / 0.60) ** 2))[..., None]
    corner = np.clip(((x - 0.5) ** 2 + (y - 0.4) ** 2) * 1.1, 0, 1)[..., None]
    paper = np.array(shaded(base, 0.22), np.float32) * (1 - glow) + np.array(lit(base, 0.30), np.float32) * glow
    return (paper * (1 - 0.45 * corner)).astype(np.float32)


def _bokeh(picture: Floats, identity: Identity, generator: np.random.Generator) -> Floats:
    picture = picture * np.float32(generator.uniform(0.35, 0.8))
    for _ in range(int(generator.integers(8, 22))):
        place = tuple(int(v) for v in generator.integers(0, _COARSE_PX, 2))
        colour: Colour = mix(lit(identity.backdrop, 0.5), (1.0, 0.75, 0.42), float(generator.random()))
        disc = np.zeros(picture.shape[:2], np.float32)
        cv2.circle(disc, place, int(generator.integers(3, 11)), float(generator.uniform(0.1, 0.5)), -1, cv2.LINE_AA)
        picture = picture + disc[..., None] * (np.array(colour, np.float32) - picture)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.1), np.float32)


def _room(picture: Floats, identity: Identity, generator: np.random.Generator) -> Floats:
    """Shelves, frames, a window: boxes of many tones, out of focus."""
    picture = picture.copy()
    for _ in range(int(generator.integers(6, 18))):
        x0, y0 = (int(v) for v in generator.integers(-8, _COARSE_PX, 2))
        wide, high = (int(v) for v in generator.integers(4, 34, 2))
        tone = float(generator.uniform(0.15, 1.0))
        colour = mix(identity.backdrop, tuple((0.5 + generator.normal(0, 0.16, 3)).tolist()), 0.6)
        value = tuple(float(channel * (0.4 + 0.7 * tone)) for channel in colour)
        cv2.rectangle(picture, (x0, y0), (x0 + wide, y0 + high), value, -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(generator.uniform(0.8, 3.5))), np.float32)


def _outdoors(picture: Floats, identity: Identity, generator: np.random.Generator) -> Floats:
    """Leaves, walls, sky: noise of several grains in two colours, out of focus."""
    shape = picture.shape[:2]
    noise = 0.7 * cut(noise_tile(24.0), shape, generator) + 0.4 * cut(noise_tile(9.0), shape, generator)
    noise = noise + 0.3 * cut(noise_tile(4.5), shape, generator)
    other = np.array(mix(shaded(identity.backdrop, 0.5), (0.24, 0.30, 0.20), float(generator.random())), np.float32)
    share = np.clip(0.5 + 0.5 * noise, 0, 1)[..., None]
    picture = picture * (1 - share) + other * share
    picture *= (1 + 0.14 * noise)[..., None]
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(generator.uniform(0.6, 3.0))), np.float32)

"""Strands of hair, or folds of a covering cloth, as a picture that the hair's outlines are filled with.

In: an Identity. Out: a picture over the head's plane, turned with the head by `hair_paint`.
"""

from functools import lru_cache

import cv2
import numpy as np
import skia
from numpy.typing import NDArray

from training.painter_identity import Identity
from training.painter_noise import cut, hair_tile, noise_tile
from training.painter_pose import Pose
from training.painter_shapes import Colour, lit, mix, shaded

HALF_WIDTH, TOP, BOTTOM = 0.40, -0.46, 0.50
Floats = NDArray[np.float32]


def hair_paint(pose: Pose, size_px: int, depth: float, colour: Colour | None = None) -> skia.Paint:
    """A paint of this person's strands (or of cloth in `colour`), which stand `depth` before the head's middle."""
    identity = pose.identity
    picture, scale_px = strand_picture(identity, colour, size_px)
    matrix = skia.Matrix()
    x0 = -HALF_WIDTH * pose.rim_x + depth * pose.sin_yaw + pose.head_x
    y0 = TOP * pose.rim_y - depth * pose.sin_pitch + pose.head_y
    matrix.setAll(pose.rim_x / scale_px, 0, x0, 0, pose.rim_y / scale_px, y0, 0, 0, 1)
    clamp = skia.TileMode.kClamp
    return skia.Paint(
        AntiAlias=True, Shader=picture.makeShader(clamp, clamp, skia.SamplingOptions(skia.FilterMode.kLinear), matrix)
    )


@lru_cache(maxsize=32)
def strand_picture(identity: Identity, cloth: Colour | None, picture_px: int) -> tuple[skia.Image, float]:
    """The picture and its pixels in a picture height."""
    generator = np.random.default_rng([identity.seed, 1 if cloth is None else 2])
    scale_px = max(56.0, 0.95 * identity.zoom * picture_px)
    x = ((np.arange(round(2 * HALF_WIDTH * scale_px)) + 0.5) / scale_px - HALF_WIDTH).astype(np.float32)[None]
    y = ((np.arange(round((BOTTOM - TOP) * scale_px)) + 0.5) / scale_px + TOP).astype(np.float32)[:, None]
    shape = (y.shape[0], x.shape[1])
    if cloth is not None:
        value, colour = _folds(x, y, shape, generator), cloth
    else:
        value, colour = _strands(identity, x, y, scale_px, generator), identity.hair
    value = value + _roundness(identity, x, y)
    return _coloured(value, colour, is_hair=cloth is None), scale_px


def _roundness(identity: Identity, x: Floats, y: Floats) -> Floats:
    """Light on the hair as a whole: brighter towards the lamp and on top, darker low and at the edges."""
    side = identity.light
    top = np.exp(-0.5 * (((x - 0.09 * side) / 0.11) ** 2 + ((y + 0.235) / 0.045) ** 2))
    edge = np.clip((np.abs(x) - 0.13) / 0.13, 0, 1)
    value: Floats = 0.85 * top + 0.55 * side * x / 0.2 - 0.45 * edge - 0.9 * np.clip(y + 0.05, 0, 0.5) - 0.25
    return value


def _strands(identity: Identity, x: Floats, y: Floats, scale_px: float, generator: np.random.Generator) -> Floats:
    """Brightness about 0 of hair combed as the style has it."""
    style, shape = identity.hair_style, (y.shape[0], x.shape[1])
    if style in ("curly", "afro"):
        grain = scale_px / (330.0 if style == "curly" else 460.0)
        piece = cut(hair_tile(True), (round(shape[0] / grain), round(shape[1] / grain)), generator)
        curls = cv2.resize(piece, shape[::-1], interpolation=cv2.INTER_LINEAR)
        return 0.55 * curls + 0.30 * cut(noise_tile(24.0), shape, generator)
    if style in ("buzz", "bald"):
        return 0.40 * cut(noise_tile(1.0), shape, generator)
    if style == "crop":
        return 0.34 * cut(hair_tile(False), shape, generator) + 0.3 * cut(noise_tile(9.0), shape, generator)
    part = 0.06 * identity.hair_part
    side = 1.0 if identity.hair_part >= 0 else -1.0
    bend = 0.035 * cv2.resize(cut(noise_tile(24.0), (48, 48), generator), shape[::-1], interpolation=cv2.INTER_LINEAR)
    if style in ("swept", "pixie"):
        across = x - 0.07 * side
        along = np.hypot(across, (y + 0.02) * 1.15)
        strand, wrap = along * 3.0 + 0.10 * np.arctan2(across, -(y + 0.02)) * side, 1.0
    elif style == "quiff":
        strand, wrap = (x - 0.10 * side * (y + 0.30)) * 2.0 + 0.7 * (x - 0.05 * side) * np.clip(-0.2 - y, 0, 1) * 8, 1.0
    elif style == "bun":
        strand, wrap = np.arctan2(x, np.maximum(y + 0.40, 0.02)) * 0.9, 1.0
    else:
        width = 0.035 + 0.175 * np.clip((y + 0.32) / 0.24, 0, 1) ** 0.7
        strand, wrap = (x - part) / width * 0.5, 1.0
        if style == "fringe":
            front = np.clip((-0.10 - y) / 0.05, 0, 1) * np.clip((0.155 - np.abs(x)) / 0.03, 0, 1)
            strand = strand * (1 - front) + (x * 2.6 + 0.5 * x * y) * front
    wave = identity.hair_wave * 0.055 * np.sin(34.0 * y + 5 * np.sin(9 * x) + 3.0 * np.sign(x))
    place = (strand * wrap + bend + wave * np.clip((y + 0.25) / 0.15, 0, 1) + 2.0).astype(np.float32)
    value = _along_strands(place, generator)
    sheen = np.exp(-0.5 * ((y + 0.215 + 0.25 * x * x - 0.012 * value) / 0.034) ** 2)
    if identity.hair_wave > 0.2:
        sheen = sheen + 0.35 * identity.hair_wave * np.clip(
            np.sin(34.0 * y + 5 * np.sin(9 * x) + 3 * np.sign(x) + 1.2), 0, 1
        )
    lower = 0.30 * np.exp(-0.5 * ((y - 0.10) / 0.05) ** 2)
    return 0.50 * value + (sheen + lower) * (0.45 + 0.40 * value)


def _along_strands(place: Floats, generator: np.random.Generator) -> Floats:
    """Brightness of the strand at each place (1 is a whole head's width); strands finer than a pixel are left out."""
    step = np.abs(np.diff(place, axis=1, append=place[:, -1:])) + np.abs(np.diff(place, axis=0, append=place[-1:]))
    step = cv2.blur(step, (3, 3))
    value, nowhere = np.zeros_like(place), np.zeros_like(place)
    for num_strands, weight in ((360, 0.50), (130, 0.60), (42, 0.65), (14, 0.45)):
        noise = generator.standard_normal(num_strands * 4 + 2).astype(np.float32)
        seen = weight * np.clip(1.6 - 2.6 * step * num_strands, 0, 1)
        value += seen * cv2.remap(
            noise[None], place * num_strands, nowhere, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
    return value * 1.15


def _folds(x: Floats, y: Floats, shape: tuple[int, int], generator: np.random.Generator) -> Floats:
    """Brightness about 0 of cloth laid around the head: soft folds that follow the face, and its weave."""
    ring = np.hypot(x, (y + 0.02) * 0.86)
    bend = 0.05 * cv2.resize(cut(noise_tile(24.0), (24, 24), generator), shape[::-1], interpolation=cv2.INTER_CUBIC)
    noise = cv2.GaussianBlur(generator.standard_normal((1, 512)).astype(np.float32), (0, 0), 9)[0] * 5.0
    index = np.clip((ring + bend * 0.7) * 900, 0, 510).astype(np.int32)
    folds = noise[index] * (0.35 + 0.65 * np.clip((y + 0.25) / 0.4, 0, 1))
    return 0.55 * folds + 0.06 * cut(noise_tile(1.0), shape, generator)


def _coloured(value: Floats, colour: Colour, is_hair: bool) -> skia.Image:
    """Brightness about 0 as RGBA, from the colour's own shadow over itself to its light."""
    deep = shaded(colour, 0.62 if is_hair else 0.55)
    bright = lit(colour, 0.24)
    if is_hair:
        red, green, blue = colour
        bright = mix(lit(colour, 0.16), (min(1.0, 1.5 * red), min(1.0, 1.45 * green), min(1.0, 1.4 * blue)), 0.65)
    ramp = np.array([shaded(deep, 0.35), deep, colour, bright, lit(bright, 0.20)], np.float32) * 255
    places = np.linspace(0, 4, 256)
    table = np.stack([np.interp(places, range(5), ramp[:, i]) for i in range(3)] + [np.full(256, 255.0)], -1)
    index = np.clip((value / 4.2 + 0.5) * 255, 0, 255).astype(np.uint8)
    picture = cv2.LUT(cv2.merge([index] * 4), table.astype(np.uint8)[None])
    return skia.Image.fromarray(picture, skia.kRGBA_8888_ColorType, copy=True)

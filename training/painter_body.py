"""Shoulders and clothes, which nearly keep still: painted once a person, then moved as a whole."""

from functools import lru_cache

import cv2
import numpy as np
import skia
from numpy.typing import NDArray

from training.painter_identity import Identity
from training.painter_noise import cut, noise_tile
from training.painter_pose import SCALE, Pose
from training.painter_shapes import Point, fill, gradient, lit, shaded, smooth_path, spot, stroke

_TOP = 0.25  # nothing of the clothes is higher, in picture heights from the picture's middle
_MARGIN = 0.06
_LIFT = 0.034  # a short neck, so that clothes are seen in a close crop


def draw_body(canvas: skia.Canvas, pose: Pose, size_px: int) -> None:
    """Lay the clothes' picture over the canvas, whose units are pixels."""
    image = _body_picture(pose.identity, size_px)
    x = (pose.body_x * pose.scale - _MARGIN) * size_px
    y = (pose.centre[1] + _TOP * pose.scale) * size_px
    if y < size_px:
        canvas.drawImage(image, x, np.floor(y), skia.SamplingOptions(skia.FilterMode.kLinear))


@lru_cache(maxsize=24)
def _body_picture(identity: Identity, size_px: int) -> skia.Image:
    scale = SCALE * identity.zoom
    top_px = int(np.floor((0.5 + identity.shift_y + _TOP * scale) * size_px))
    pixels = np.zeros((max(1, size_px - top_px), round((1 + 2 * _MARGIN) * size_px), 4), np.uint8)
    canvas = skia.Surface(pixels).getCanvas()
    canvas.translate(0, -top_px)
    canvas.scale(size_px, size_px)
    canvas.translate(_MARGIN + 0.5 + identity.shift_x, 0.5 + identity.shift_y)
    canvas.scale(scale, scale)
    canvas.translate(0, -_LIFT)
    _paint_clothes(canvas, identity)
    _weave(pixels, identity, scale * size_px)
    return skia.Image.fromarray(pixels, skia.kRGBA_8888_ColorType, copy=True)


def _weave(pixels: NDArray[np.uint8], identity: Identity, unit_px: float) -> None:
    """Knit, cloth and creases, as a brightness over the painted garment."""
    generator = np.random.default_rng([identity.seed, 3])
    height, width = pixels.shape[:2]
    bright = 1 + 0.030 * cut(noise_tile(1.0), (height, width), generator)
    bright = bright + 0.05 * cut(noise_tile(24.0), (height, width), generator)
    if identity.clothes_style in ("round", "roll"):
        rows = np.sin(np.arange(height) * (2 * np.pi / max(2.5, 0.012 * unit_px)))[:, None]
        bright = bright + 0.05 * identity.knit * rows * np.sin(np.arange(width) * (np.pi / max(2.5, 0.016 * unit_px)))
    factor = cv2.merge([bright.astype(np.float32)] * 3)
    pixels[..., :3] = np.clip(pixels[..., :3] * factor, 0, 255)


def _paint_clothes(canvas: skia.Canvas, identity: Identity) -> None:
    style, cloth = identity.clothes_style, identity.clothes
    width = 0.100 * identity.neck_width
    broad = 0.40 + 0.25 * (identity.neck_width - 1)
    light = identity.light
    if style in ("jacket", "hoodie"):
        _garment(canvas, identity, identity.clothes_inner, "open" if style == "jacket" else "round", width, broad * 0.8)
        if style == "jacket":
            _collar(canvas, identity, identity.clothes_inner, width, 0.475)
    _garment(canvas, identity, cloth, style, width, broad)
    deep = _DEEP[style]
    if style == "collar":
        _collar(canvas, identity, cloth, width, deep)
        canvas.drawLine(0.004, deep, 0.006, 0.60, stroke(shaded(cloth, 0.5), 0.004, 0.6, 0.001))
        for y in (deep + 0.035, deep + 0.105):
            canvas.drawCircle(-0.004, y, 0.0065, fill(lit(cloth, 0.4)))
            canvas.drawCircle(-0.004, y, 0.0065, stroke(shaded(cloth, 0.5), 0.0016, 0.7))
    elif style == "jacket":
        for side in (-1, 1):
            lapel = [
                (side * width * 1.25, 0.335), (side * (width + 0.085), 0.392), (side * (width + 0.062), 0.430),
                (side * (width + 0.040), 0.445), (side * 0.012, 0.60), (side * 0.03, 0.50),
            ]  # fmt: skip
            path = smooth_path(lapel, tension=0.25)
            canvas.drawPath(path, fill(shaded(cloth, 0.7), 0.5, 0.008))
            canvas.drawPath(path, fill(lit(cloth, 0.13 if side * light > 0 else 0.03)))
            canvas.drawPath(path, stroke(shaded(cloth, 0.5), 0.003, 0.7))
    elif style == "hoodie":
        for side in (-1, 1):
            hood = [
                (side * width * 1.15, 0.315), (side * (width + 0.075), 0.360), (side * (width + 0.050), 0.420),
                (side * 0.012, 0.475), (side * 0.06, 0.40),
            ]  # fmt: skip
            canvas.drawPath(smooth_path(hood), fill(shaded(cloth, 0.6), 0.5, 0.010))
            canvas.drawPath(smooth_path(hood), fill(lit(cloth, 0.16 if side * light > 0 else 0.05)))
            cord = [(side * 0.035, 0.455), (side * 0.040, 0.51), (side * 0.036, 0.57)]
            canvas.drawPath(smooth_path(cord, closed=False), stroke(lit(cloth, 0.6), 0.007, 0.9))
    elif style == "roll":
        roll = smooth_path([(-width * 1.12, 0.300), (0, 0.325), (width * 1.12, 0.300), (width * 1.25, 0.372),
                            (0, 0.412), (-width * 1.25, 0.372)])  # fmt: skip
        ends = [lit(cloth, 0.12), cloth, shaded(cloth, 0.35)]
        canvas.drawPath(roll, gradient((-width, 0), (width, 0), ends[::-1] if light > 0 else ends))
        fold = [(-width * 1.2, 0.345), (0, 0.380), (width * 1.2, 0.345)]
        canvas.drawPath(smooth_path(fold, closed=False), stroke(shaded(cloth, 0.5), 0.008, 0.6, 0.003))


_DEEP = {"round": 0.405, "open": 0.475, "collar": 0.435, "jacket": 0.56, "hoodie": 0.45, "roll": 0.36}


def _garment(
    canvas: skia.Canvas, identity: Identity, cloth: tuple[float, float, float], style: str, width: float, broad: float
) -> None:
    """Shoulders with a neck line, light from one side, and creases from the neck and the arms."""
    deep = _DEEP[style]
    neck = width * (1.42 if style in ("round", "roll") else 1.34)
    half: list[Point] = [
        (neck, 0.348), (neck + 0.06, 0.368), (broad * 0.78, 0.405), (broad, 0.455), (broad + 0.05, 0.60),
    ]  # fmt: skip
    middle: list[Point] = [(-0.62 * neck, deep - 0.018), (0.0, deep), (0.62 * neck, deep - 0.018)]
    if style not in ("round", "roll"):
        middle = [(-0.5 * neck, 0.5 * (deep + 0.35)), (0.0, deep), (0.5 * neck, 0.5 * (deep + 0.35))]
    left = [(-x, y) for x, y in half[::-1]]
    path = smooth_path([*left, *middle, *half], tension=0.9)
    bright, dim = lit(cloth, 0.16), shaded(cloth, 0.36)
    ends = [dim, cloth, bright] if identity.light > 0 else [bright, cloth, dim]
    canvas.drawPath(path, fill(shaded(identity.skin, 0.6), 0.5, 0.012))
    canvas.drawPath(path, gradient((-broad, 0.40), (broad, 0.46), ends))
    canvas.save()
    canvas.clipPath(path, doAntiAlias=True)
    for side in (-1, 1):
        spot(canvas, (side * broad * 0.8, 0.42), (0.14, 0.035), lit(cloth, 0.45), 0.30, side * 15)
        for x0, y0, x1, y1 in ((0.10, 0.42, 0.16, 0.60), (0.30, 0.47, 0.20, 0.60), (0.19, 0.40, 0.30, 0.46)):
            crease = [(side * x0, y0), (side * (x0 + x1) / 2, (y0 + y1) / 2 + 0.01), (side * x1, y1)]
            canvas.drawPath(smooth_path(crease, closed=False), stroke(shaded(cloth, 0.55), 0.014, 0.34, 0.007))
    spot(canvas, (-0.03 * identity.light, 0.35), (0.26, 0.085), shaded(cloth, 0.66), 0.65)
    canvas.restore()
    edge = smooth_path([left[-1], *middle, half[0]], closed=False)
    if style == "round":
        canvas.drawPath(edge, stroke(shaded(cloth, 0.30), 0.020, 0.9))
        canvas.drawPath(edge, stroke(lit(cloth, 0.10), 0.013, 0.9, 0.002))
    else:
        canvas.drawPath(edge, stroke(shaded(cloth, 0.45), 0.005, 0.7, 0.001))


def _collar(
    canvas: skia.Canvas, identity: Identity, cloth: tuple[float, float, float], width: float, deep: float
) -> None:
    for side in (-1, 1):
        flap = [(side * width * 0.98, 0.335), (side * (width + 0.052), 0.385), (side * 0.078, 0.455), (0, deep + 0.008)]
        path = smooth_path(flap, tension=0.35)
        canvas.drawPath(path, fill(shaded(cloth, 0.7), 0.45, 0.007))
        canvas.drawPath(path, fill(lit(cloth, 0.22 if side * identity.light > 0 else 0.06)))
        canvas.drawPath(
            smooth_path(flap[1:], closed=False, tension=0.35), stroke(shaded(cloth, 0.45), 0.005, 0.5, 0.001)
        )

"""The mouth: lips, teeth, tongue and the dark between them, under jaw, width, rounding, closing, tuck and smile."""

import math
from dataclasses import dataclass

import skia

from training.painter_pose import WING_RISE, Pose
from training.painter_shapes import (
    Colour,
    Point,
    extend_path,
    gradient,
    lit,
    mix,
    shaded,
    smooth_path,
    spot,
    stroke,
)

OPENING = 0.108  # height between the lips at jaw 1, in picture heights
DARK: Colour = (0.20, 0.055, 0.065)
TEETH: Colour = (0.975, 0.955, 0.925)
TONGUE: Colour = (0.79, 0.36, 0.39)
_STEPS = (-1.0, -0.86, -0.66, -0.44, -0.26, -0.12, 0.0, 0.12, 0.26, 0.44, 0.66, 0.86, 1.0)


@dataclass(frozen=True)
class MouthShape:
    """The mouth's outlines as projected points from the picture's left corner to the right one."""

    upper_outer: list[Point]
    upper_inner: list[Point]
    lower_inner: list[Point]
    lower_outer: list[Point]
    half_width: float
    gap: float
    upper_y: float
    lower_y: float
    corner_y: float
    out: float
    pose: Pose

    def at(self, x: float, y: float) -> Point:
        """A point on the lips' plane."""
        return self.pose.at(x, y, self.out)

    def opening(self) -> skia.Path:
        """The hole between the lips."""
        path = skia.Path()
        extend_path(path, self.upper_inner)
        extend_path(path, self.lower_inner[::-1])
        path.close()
        return path


def mouth_shape(pose: Pose) -> MouthShape:
    """Where the lips lie."""
    identity, motion = pose.identity, pose.motion
    closing, sneer = motion.lip_closing, motion.sneer
    rounding = motion.lip_rounding * (1 - 0.35 * closing)
    tuck = motion.lip_tuck * (1 - closing)
    open_share = motion.jaw * (1 - closing)
    smile, grin = motion.smile, max(0.0, motion.smile)
    gap = OPENING * open_share * (1 - 0.25 * rounding)
    gap += (0.022 * rounding * (1 - open_share) + 0.007 * max(0.0, motion.lip_width) * open_share) * (1 - closing)
    gap += (0.017 - gap) * tuck
    open_sneer = sneer * (1 - closing) * (1 - tuck)
    gap += 0.010 * open_sneer
    half_width = 0.0745 * identity.mouth_width * (1 + 0.24 * motion.lip_width) * (1 - 0.46 * rounding)
    half_width *= (1 - 0.10 * open_share) * (1 + 0.12 * smile)
    stretch = (1 - 0.15 * motion.lip_width) * (1 + 0.30 * rounding) * (1 - 0.15 * open_share) * (1 - 0.10 * grin)
    press = 1 - 0.42 * closing
    upper = 0.0205 * identity.lip_fullness * stretch * press * (1 - 0.12 * tuck)
    lower = 0.0265 * identity.lip_fullness * stretch * press * (1 - 0.55 * tuck)
    out = 0.012 + 0.03 * rounding

    upper_y = pose.mouth_y + closing * 0.34 * pose.chin_drop - 0.013 * open_share * (1 - tuck)
    upper_y -= 0.005 * tuck + 0.003 * grin + 0.007 * sneer
    lower_y = upper_y + gap
    corner_y = upper_y - 0.002 + 0.40 * gap - (0.022 if smile > 0 else 0.016) * smile
    inner_width = half_width * (0.965 - 0.20 * rounding)
    rest_power = 0.85 - 0.25 * open_share - 0.25 * rounding

    def row(width: float, height: float, middle: float, power: float, bow: float, curl: float = 0.0) -> list[Point]:
        points = []
        for step in _STEPS:
            rise = max(0.0, 1 - step * step) ** power
            y = height + (middle - height) * rise + bow * math.exp(-((step / 0.16) ** 2))
            y -= curl * math.exp(-(((abs(step) - 0.45) / 0.3) ** 2))
            points.append(pose.at(width * step, y, out * (1 - 0.5 * step * step)))
        return points

    inner_corner = corner_y + 0.10 * (upper_y + 0.5 * gap - corner_y)
    bow = 0.34 * upper * (1 - 0.5 * rounding)
    return MouthShape(
        upper_outer=row(half_width, corner_y, upper_y - upper, 1.0 - 0.3 * rounding, bow, 0.012 * sneer),
        upper_inner=row(inner_width, inner_corner, upper_y, rest_power, 0.0026 * (1 - rounding), 0.006 * open_sneer),
        lower_inner=row(inner_width, inner_corner, lower_y, rest_power, 0.0026 * (1 - rounding) * (1 - open_share)),
        lower_outer=row(half_width, corner_y, lower_y + lower, 0.80 - 0.2 * rounding, 0.0),
        half_width=half_width,
        gap=gap,
        upper_y=upper_y,
        lower_y=lower_y,
        corner_y=corner_y,
        out=out,
        pose=pose,
    )  # fmt: skip


def draw_mouth(canvas: skia.Canvas, pose: Pose) -> None:
    """Paint the lips and what is seen between them, with the soft shadows around."""
    identity = pose.identity
    shape = mouth_shape(pose)
    _draw_surroundings(canvas, shape)
    if shape.gap > 0.0015:
        _draw_inside(canvas, shape)
    colour = identity.lips
    _draw_lip(canvas, shape.upper_outer, shape.upper_inner, shaded(colour, 0.06), shaded(colour, 0.24))
    _draw_lip(canvas, shape.lower_outer, shape.lower_inner, lit(colour, 0.10), shaded(colour, 0.12), is_lower=True)
    low = shape.lower_outer[6][1]
    inner_low = shape.lower_inner[6][1]
    glow = shape.at(-0.1 * shape.half_width * identity.light, 0)
    spot(canvas, (glow[0], inner_low + 0.42 * (low - inner_low)), (0.52 * shape.half_width, 0.34 * (low - inner_low)),
         lit(colour, 0.6), 0.42)  # fmt: skip
    closedness = max(0.0, 1 - shape.gap / 0.012)
    if closedness > 0:
        line = smooth_path(shape.upper_inner, closed=False)
        canvas.drawPath(line, stroke(shaded(colour, 0.62), 0.0058, 0.85 * closedness, 0.0012))


def _draw_lip(
    canvas: skia.Canvas,
    outer: list[Point],
    inner: list[Point],
    outer_colour: Colour,
    inner_colour: Colour,
    is_lower: bool = False,
) -> None:
    path = skia.Path()
    extend_path(path, outer)
    extend_path(path, inner[::-1])
    path.close()
    paint = gradient((0, inner[6][1]), (0, outer[6][1] + (0.002 if is_lower else -0.002)), [inner_colour, outer_colour])
    canvas.drawPath(path, paint)


def _draw_surroundings(canvas: skia.Canvas, shape: MouthShape) -> None:
    identity, pose, motion = shape.pose.identity, shape.pose, shape.pose.motion
    dark = shaded(identity.skin, 0.42)
    low_x, low_y = shape.lower_outer[6]
    strength = 1 - 0.6 * identity.beard
    spot(canvas, (low_x, low_y + 0.010), (0.62 * shape.half_width, 0.015), dark, 0.42 * strength)
    for side in (-1, 1):
        corner = shape.at(side * shape.half_width * 1.02, shape.corner_y)
        spot(canvas, corner, (0.016, 0.014), dark, (0.30 + 0.2 * abs(motion.smile)) * strength)
    grin = max(0.0, motion.smile)
    for side in (-1, 1):
        fold = [
            pose.at(side * 0.046 * identity.nose_width, 0.052 - 0.004 * grin - WING_RISE * motion.sneer, 0.008),
            pose.at(side * (0.070 + 0.006 * grin), 0.082 - 0.010 * motion.sneer, 0.004),
            pose.at(side * (shape.half_width + 0.019), shape.corner_y - 0.012),
        ]
        alpha = 0.10 + 0.24 * grin + 0.22 * identity.age + 0.05 * motion.jaw + 0.45 * motion.sneer
        canvas.drawPath(smooth_path(fold, closed=False), stroke(dark, 0.008, alpha * 0.8, 0.004))
    top = shape.upper_outer[6]
    nose = pose.at(0, 0.072, 0.012)
    spot(canvas, ((top[0] + nose[0]) / 2, (top[1] + nose[1]) / 2), (0.010, 0.024), dark, 0.16 * strength)


def _draw_inside(canvas: skia.Canvas, shape: MouthShape) -> None:
    motion = shape.pose.motion
    top, low = shape.upper_inner[6][1], shape.lower_inner[6][1]
    canvas.save()
    canvas.clipPath(shape.opening(), doAntiAlias=True)
    hole = shape.opening()
    canvas.drawPath(
        hole, gradient((0, top), (0, max(low, top + 0.02)), [mix(DARK, (0, 0, 0), 0.25), mix(DARK, TONGUE, 0.22)])
    )
    wide = shape.gap / OPENING
    tongue_x, tongue_y = shape.at(0, shape.lower_y + 0.006)
    height = 0.012 + 0.036 * wide
    canvas.save()
    canvas.translate(tongue_x, tongue_y)
    canvas.scale(shape.half_width * 0.66, height)
    canvas.drawCircle(0, 0, 1, gradient((0, -1), (0, 0.6), [TONGUE, shaded(TONGUE, 0.3)]))
    canvas.restore()
    spot(
        canvas,
        (tongue_x, tongue_y - 0.5 * height),
        (shape.half_width * 0.3, height * 0.45),
        lit(TONGUE, 0.5),
        0.35 * wide,
    )

    seen = 1 - 0.75 * motion.lip_rounding
    reveal = (0.0135 + 0.017 * wide + 0.005 * max(0.0, motion.smile) + 0.004 * max(0.0, motion.lip_width)) * seen
    reveal = max(reveal, 0.016 * motion.lip_tuck * (1 - motion.lip_closing)) + 0.004 * motion.sneer
    if reveal > 0.002:
        _draw_teeth(canvas, shape, shape.upper_y + reveal, -1, 0.90)
    lower_reveal = 0.016 * max(0.0, wide - 0.42) * seen * 1.6 + 0.006 * max(0.0, motion.lip_width) * wide
    if lower_reveal > 0.002:
        _draw_teeth(canvas, shape, shape.lower_y - lower_reveal, 1, 0.66)
    shade = [shape.upper_inner[0], *shape.upper_inner[1:]]
    canvas.drawPath(smooth_path(shade, closed=False), stroke(mix(DARK, (0, 0, 0), 0.4), 0.012, 0.5, 0.004))
    canvas.restore()


def _draw_teeth(canvas: skia.Canvas, shape: MouthShape, edge_y: float, direction: int, share: float) -> None:
    """direction -1: upper teeth hang down to edge_y in the middle; 1: lower teeth rise to it."""
    width = shape.half_width * share
    points = []
    for step in (-1.0, -0.92, -0.7, -0.35, 0.0, 0.35, 0.7, 0.92, 1.0):
        rise = (1 - step * step) ** 0.45 if abs(step) < 1 else 0.0
        y = edge_y + direction * (0.012 * (1 - rise) + 0.004 * step * step)
        points.append(shape.at(width * step, y))
    far_y = edge_y + direction * 0.06
    left, right = shape.at(-width, far_y), shape.at(width, far_y)
    path = skia.Path()
    extend_path(path, points)
    path.lineTo(*right)
    path.lineTo(*left)
    path.close()
    side = shaded(TEETH, 0.36)
    bright = TEETH if direction < 0 else shaded(TEETH, 0.12)
    canvas.drawPath(path, gradient(left, right, [side, bright, bright, side], [0.0, 0.3, 0.7, 1.0]))

"""The mouth: lips, teeth, tongue and the dark between them, under jaw, width, rounding, closing, tuck and smile."""

import math
from dataclasses import dataclass
from functools import lru_cache

import skia

from training.painter_pose import WING_RISE, Pose
from training.painter_shapes import (
    Colour,
    Point,
    extend_path,
    fill,
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


@lru_cache(maxsize=8)
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
    _draw_lip(canvas, shape.upper_outer, shape.upper_inner, shaded(colour, 0.12), shaded(colour, 0.40), identity.beard)
    _draw_lip(canvas, shape.lower_outer, shape.lower_inner, shaded(colour, 0.10), lit(colour, 0.06), identity.beard)
    _draw_gleam(canvas, shape)
    closedness = max(0.0, 1 - shape.gap / 0.012)
    if closedness > 0:
        line = smooth_path(shape.upper_inner, closed=False)
        canvas.drawPath(line, stroke(shaded(colour, 0.70), 0.0052, 0.85 * closedness, 0.0012))


def _draw_lip(
    canvas: skia.Canvas, outer: list[Point], inner: list[Point], edge: Colour, middle: Colour, beard: float
) -> None:
    """One lip, from `middle` at the opening to `edge` at the skin, with a soft outer rim."""
    path = skia.Path()
    extend_path(path, outer)
    extend_path(path, inner[::-1])
    path.close()
    canvas.drawPath(path, fill(edge, 0.55 * (1 - 0.5 * beard), 0.0030))
    canvas.drawPath(path, gradient((0, inner[6][1]), (0, outer[6][1]), [middle, edge]))


def _draw_gleam(canvas: skia.Canvas, shape: MouthShape) -> None:
    """Wet light on the lower lip, a rim on the upper one, and the lines that run across both."""
    pose, colour = shape.pose, shape.pose.identity.lips
    low, inner_low = shape.lower_outer[6][1], shape.lower_inner[6][1]
    thick = max(0.004, low - inner_low)
    x = shape.at(-0.12 * shape.half_width * -pose.identity.light, 0)[0]
    spot(canvas, (x, inner_low + 0.45 * thick), (0.56 * shape.half_width, 0.40 * thick), lit(colour, 0.55), 0.50)
    for place, wide in ((-0.24, 0.16), (0.14, 0.22)):
        centre = (x + place * shape.half_width, inner_low + 0.36 * thick)
        spot(canvas, centre, (wide * shape.half_width, 0.17 * thick), lit(colour, 0.9), 0.55)
    creases = skia.Path()
    for index in (3, 4, 5, 6, 7, 8, 9):
        (x0, y0), (x1, y1) = shape.lower_inner[index], shape.lower_outer[index]
        creases.moveTo(x0 + 0.2 * (x1 - x0), y0 + 0.15 * (y1 - y0))
        creases.lineTo(x0 + 0.8 * (x1 - x0), y0 + 0.75 * (y1 - y0))
    canvas.drawPath(creases, stroke(shaded(colour, 0.4), 0.0018, 0.20, 0.0008))
    rim = [(px, py - 0.0012) for px, py in shape.upper_outer[3:10]]
    canvas.drawPath(smooth_path(rim, closed=False), stroke(lit(pose.identity.skin, 0.6), 0.0026, 0.38, 0.0010))


def smile_fold(pose: Pose, side: int) -> list[Point]:
    """The line from the nose's wing to beside the mouth's corner. side: -1 on the picture's left, 1 on its right."""
    shape, motion = mouth_shape(pose), pose.motion
    grin, wide = max(0.0, motion.smile), pose.identity.nose_width
    return [
        pose.at(side * 0.038 * wide, 0.046 - 0.004 * grin - WING_RISE * motion.sneer, 0.010),
        pose.at(side * (0.060 + 0.008 * grin), 0.078 - 0.004 * grin - 0.010 * motion.sneer, 0.004),
        pose.at(side * (shape.half_width + 0.020), shape.corner_y - 0.020),
        pose.at(side * (shape.half_width + 0.022), shape.corner_y + 0.002 * grin),
    ]


def _draw_surroundings(canvas: skia.Canvas, shape: MouthShape) -> None:
    identity, pose, motion = shape.pose.identity, shape.pose, shape.pose.motion
    dark = shaded(identity.skin, 0.46)
    low_x, low_y = shape.lower_outer[6]
    strength = 1 - 0.8 * identity.beard
    spot(canvas, (low_x, low_y + 0.009), (0.60 * shape.half_width, 0.012), dark, 0.42 * strength)
    grin = max(0.0, motion.smile)
    for side in (-1, 1):
        corner = shape.at(side * shape.half_width * 1.03, shape.corner_y)
        spot(canvas, corner, (0.013, 0.012), dark, (0.40 + 0.3 * abs(motion.smile)) * strength)
        fold = smile_fold(pose, side)
        alpha = 0.05 + 0.42 * grin + 0.12 * identity.age + 0.05 * motion.jaw + 0.40 * motion.sneer
        path = smooth_path(fold, closed=False)
        canvas.drawPath(path, stroke(dark, 0.0075, min(0.62, 0.8 * alpha) * strength, 0.0035))
        if grin > 0.05:
            # The cheek that a smile pushes up catches light beside its fold.
            bulge = [(px + side * 0.010, py - 0.006) for px, py in fold[:3]]
            path = smooth_path(bulge, closed=False)
            canvas.drawPath(path, stroke(lit(identity.skin, 0.5), 0.012, 0.26 * grin * strength, 0.006))


def _draw_inside(canvas: skia.Canvas, shape: MouthShape) -> None:
    top, low = shape.upper_inner[6][1], shape.lower_inner[6][1]
    hole = shape.opening()
    canvas.save()
    canvas.clipPath(hole, doAntiAlias=True)
    deep, warm = mix(DARK, (0, 0, 0), 0.45), mix(DARK, TONGUE, 0.30)
    canvas.drawPath(hole, gradient((0, top), (0, max(low, top + 0.02)), [deep, warm]))
    wide = shape.gap / OPENING
    _draw_tongue(canvas, shape, wide)
    upper_y, lower_y = teeth_edges(shape)
    if shape.lower_y - lower_y > 0.002:
        _draw_teeth(canvas, shape, lower_y, 1, TEETH_SHARES[1])
    if upper_y - shape.upper_y > 0.002:
        _draw_teeth(canvas, shape, upper_y, -1, TEETH_SHARES[0])
    # The upper lip throws its shadow on the teeth.
    shadow = smooth_path(shape.upper_inner, closed=False)
    canvas.drawPath(shadow, stroke(mix(DARK, (0, 0, 0), 0.4), 0.010, 0.50, 0.004))
    for corner in (shape.upper_inner[0], shape.upper_inner[-1]):
        spot(canvas, corner, (0.30 * shape.half_width, 0.02 + 0.02 * wide), deep, 0.75)
    canvas.restore()


def teeth_edges(shape: MouthShape) -> tuple[float, float]:
    """How far down the upper teeth show, and how far up the lower ones, on the lips' plane."""
    motion, wide = shape.pose.motion, shape.gap / OPENING
    seen = 1 - 0.75 * motion.lip_rounding
    reveal = (0.0135 + 0.015 * wide + 0.005 * max(0.0, motion.smile) + 0.004 * max(0.0, motion.lip_width)) * seen
    reveal = max(reveal, 0.016 * motion.lip_tuck * (1 - motion.lip_closing)) + 0.004 * motion.sneer
    lower_reveal = 0.016 * max(0.0, wide - 0.42) * seen * 1.6 + 0.006 * max(0.0, motion.lip_width) * wide
    return shape.upper_y + reveal, shape.lower_y - lower_reveal


def _tongue_size(shape: MouthShape) -> tuple[float, float]:
    """Half of the tongue's width and of its height."""
    return shape.half_width * 0.64, 0.014 + 0.034 * shape.gap / OPENING


def tongue_outline(shape: MouthShape) -> list[Point]:
    """The tongue's top, and its left and right side halfway up."""
    x, y = shape.at(0, shape.lower_y + 0.010)
    half, height = _tongue_size(shape)
    return [(x, y - height), (x - 0.8 * half, y - 0.6 * height), (x + 0.8 * half, y - 0.6 * height)]


def _draw_tongue(canvas: skia.Canvas, shape: MouthShape, wide: float) -> None:
    x, y = shape.at(0, shape.lower_y + 0.010)
    half, height = _tongue_size(shape)
    canvas.save()
    canvas.translate(x, y)
    canvas.scale(half, height)
    canvas.drawCircle(0, 0, 1, gradient((0, -1), (0, 0.6), [TONGUE, shaded(TONGUE, 0.35)]))
    canvas.restore()
    if wide > 0.15:
        spot(canvas, (x, y - 0.55 * height), (half * 0.5, height * 0.36), lit(TONGUE, 0.55), 0.42 * wide)
        groove = [(x, y - 0.95 * height), (x, y - 0.3 * height)]
        canvas.drawPath(smooth_path(groove, closed=False), stroke(shaded(TONGUE, 0.6), 0.004, 0.5 * wide, 0.0015))


# Half of a row's width in that of the mouth, upper and lower.
TEETH_SHARES = (0.86, 0.66)
# Edges between teeth, from the middle outwards, and how far each tooth hangs, in shares of the row.
_TOOTH_EDGES = (0.0, 0.235, 0.425, 0.60, 0.76, 0.90, 1.0)
_TOOTH_HANG = (1.0, 0.88, 0.97, 0.80, 0.68, 0.55)


def _draw_teeth(canvas: skia.Canvas, shape: MouthShape, edge_y: float, direction: int, share: float) -> None:
    """direction -1: upper teeth hang down to edge_y in the middle; 1: lower teeth rise to it."""
    width = shape.half_width * share
    is_upper = direction < 0
    row: list[Point] = []
    for step in (-1, 1):
        teeth: list[Point] = []
        for index, hang in enumerate(_TOOTH_HANG):
            inner, outer = _TOOTH_EDGES[index], _TOOTH_EDGES[index + 1]
            short = (1 - hang if is_upper else 0.25 * (1 - hang)) * 0.014 + 0.004 * inner * inner
            notch = short + (0.0026 if is_upper else 0.0014)
            for at, lift in (
                (inner + 0.02, notch),
                (0.7 * inner + 0.3 * outer, short),
                (0.25 * inner + 0.75 * outer, short),
            ):
                teeth.append(shape.at(step * width * at, edge_y + direction * lift))
        teeth.append(shape.at(step * width, edge_y + direction * 0.014))
        row = [*teeth[::-1]] if step < 0 else [*row, *teeth]
    far_y = edge_y + direction * 0.06
    left, right = shape.at(-width, far_y), shape.at(width, far_y)
    path = skia.Path()
    extend_path(path, row, tension=0.7)
    path.lineTo(*right)
    path.lineTo(*left)
    path.close()
    bright = TEETH if is_upper else shaded(TEETH, 0.16)
    side = shaded(TEETH, 0.42)
    canvas.drawPath(path, gradient(left, right, [side, bright, bright, side], [0.0, 0.30, 0.70, 1.0]))
    gaps = skia.Path()
    for step in (-1, 1):
        for at in _TOOTH_EDGES[(0 if step > 0 else 1) : 5]:
            gaps.moveTo(*shape.at(step * width * at, edge_y + direction * 0.002))
            gaps.lineTo(*shape.at(step * width * at * 0.985, edge_y + direction * 0.020))
    canvas.drawPath(gaps, stroke((0.62, 0.50, 0.45), 0.0016, 0.42, 0.0006))
    if is_upper:
        gleam = (shape.at(0.12 * width * shape.pose.identity.light, 0)[0], edge_y - 0.007)
        spot(canvas, gleam, (0.36 * width, 0.004), (1, 1, 1), 0.55)

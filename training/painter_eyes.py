"""Eyes and brows: lids with lashes, iris under a moving gaze, creases and glasses."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import skia
from numpy.typing import NDArray

from training.painter_pose import BROW_Y, EYE_Y, Pose
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

WHITE: Colour = (0.975, 0.965, 0.95)
_STEPS = (-1.0, -0.72, -0.38, 0.0, 0.38, 0.72, 1.0)


@dataclass(frozen=True)
class EyeShape:
    """One eye's outlines as projected points from the nose's side outwards."""

    side: int
    centre: tuple[float, float]
    half_width: float
    upper: list[Point]
    lower: list[Point]
    crease: list[Point]
    open_share: float
    lift: float


@lru_cache(maxsize=16)
def eye_shape(pose: Pose, side: int) -> EyeShape:
    """side: -1 for the eye on the picture's left, 1 for the one on its right."""
    identity, motion = pose.identity, pose.motion
    x = side * 0.0765 * identity.eye_spacing * identity.face_width
    half_width = 0.0400 * identity.eye_size
    tall = 0.0226 * identity.eye_size
    shut = max(0.0, motion.blink)
    wide = max(0.0, -motion.blink) / 0.4
    smile = max(0.0, motion.smile)
    upper_height = (
        tall
        * 0.87
        * (1 + 0.30 * wide + (0.12 if motion.gaze_y > 0 else 0.30) * motion.gaze_y * (1 - shut))
        * (1 - 0.08 * identity.age)
    )
    lower_height = tall * 0.62 * (1 - 0.30 * smile + 0.12 * wide)
    closed_y = 0.70 * lower_height
    upper_lid = -upper_height * (1 - shut) + closed_y * shut
    lower_lid = lower_height * (1 - shut) + (closed_y + 0.0008) * shut

    def row(height: float, lean: float, widen: float = 1.0) -> list[Point]:
        points = []
        for step in _STEPS:
            bump = (1 - step * step) ** 0.72 if abs(step) < 1 else 0.0
            tilt = -0.006 * identity.eye_tilt * step - 0.0015 * step
            points.append(
                pose.at(x + side * step * half_width * widen, EYE_Y + tilt + height * bump * (1 + lean * step), -0.002)
            )
        return points

    return EyeShape(
        side=side,
        centre=(x, EYE_Y),
        half_width=half_width,
        upper=row(upper_lid, -0.10),
        lower=row(lower_lid, 0.22),
        crease=row(-tall * 1.42 * (1 - 0.28 * shut) - 0.002, 0.0, 1.04),
        open_share=1 - shut,
        lift=wide,
    )


def draw_eyes(canvas: skia.Canvas, pose: Pose) -> None:
    """Paint both eyes and brows."""
    for side in (-1, 1):
        _draw_eye(canvas, pose, eye_shape(pose, side))
        _draw_brow(canvas, pose, side)


def _draw_eye(canvas: skia.Canvas, pose: Pose, shape: EyeShape) -> None:
    identity = pose.identity
    x, y = shape.centre
    dark = shaded(identity.skin, 0.45)
    socket = pose.at(x, y - 0.010)
    spot(canvas, socket, (shape.half_width * 1.5, 0.032), shaded(identity.skin, 0.38), 0.30)

    lid = skia.Path()
    extend_path(lid, shape.crease)
    extend_path(lid, shape.upper[::-1])
    lid.close()
    lid_colour = mix(shaded(identity.skin, 0.16), identity.lips, 0.16 * identity.lashes)
    canvas.drawPath(
        lid,
        gradient((0, shape.crease[3][1]), (0, shape.upper[3][1]), [shaded(lid_colour, 0.16), lit(lid_colour, 0.10)]),
    )
    canvas.drawPath(smooth_path(shape.crease, closed=False), stroke(dark, 0.0042, 0.55, 0.0016))

    if shape.open_share > 0.02:
        _draw_ball(canvas, pose, shape)
    lash = mix(shaded(identity.hair, 0.55), (0.07, 0.05, 0.05), 0.7)
    canvas.drawPath(smooth_path(shape.lower, closed=False), stroke(dark, 0.0036, 0.55, 0.001))
    canvas.drawPath(_lash_path(shape, identity.lashes), fill(lash, 0.94))
    if identity.lashes > 0.3:
        canvas.drawPath(_single_lashes(shape, identity.lashes), stroke(lash, 0.0021, 0.85))


def _lash_path(shape: EyeShape, lashes: float) -> skia.Path:
    thick = 0.0042 + 0.0034 * lashes
    weights = (0.25, 0.6, 0.9, 1.0, 1.1, 1.2, 0.5)
    outer = [(px, py - thick * weight) for (px, py), weight in zip(shape.upper, weights, strict=True)]
    tip_x, tip_y = shape.upper[-1]
    tip = (
        tip_x + shape.side * (0.003 + 0.007 * lashes),
        tip_y - 0.001 - 0.006 * lashes * (0.3 + 0.7 * shape.open_share),
    )
    path = skia.Path()
    extend_path(path, outer)
    path.lineTo(*tip)
    extend_path(path, [(px, py + 0.0012) for px, py in shape.upper[::-1]])
    path.close()
    return path


def _single_lashes(shape: EyeShape, lashes: float) -> skia.Path:
    """Lashes that fan out from the upper lid, longer outwards; they point down when it is shut."""
    points = np.array(shape.upper)
    path = skia.Path()
    up = -1.0 if shape.open_share > 0.35 else 0.8
    for step in (2.6, 3.3, 4.0, 4.6, 5.1, 5.5):
        low = int(step)
        x, y = points[low] + (points[low + 1] - points[low]) * (step - low)
        long = (0.004 + 0.007 * lashes) * (0.45 + 0.11 * step)
        fan = shape.side * (step - 2.2) * 0.28
        path.moveTo(x, y)
        path.quadTo(x + 0.35 * fan * long, y + 0.75 * up * long, x + fan * long, y + up * long)
    return path


def iris_middle(pose: Pose, side: int) -> Point:
    """Where the eye looks from. side: -1 for the eye on the picture's left, 1 for the one on its right."""
    motion = pose.motion
    x, y = eye_shape(pose, side).centre
    return pose.at(x + 0.0165 * motion.gaze_x, y - 0.0025 - 0.011 * motion.gaze_y, -0.004)


def _draw_ball(canvas: skia.Canvas, pose: Pose, shape: EyeShape) -> None:
    identity, motion = pose.identity, pose.motion
    hole = skia.Path()
    extend_path(hole, shape.upper)
    extend_path(hole, shape.lower[::-1])
    hole.close()
    canvas.save()
    canvas.clipPath(hole, doAntiAlias=True)
    white = mix(WHITE, identity.skin, 0.08)
    canvas.drawPath(hole, fill(white))
    middle = iris_middle(pose, shape.side)
    radius = 0.0200 * (0.55 + 0.45 * identity.eye_size)
    narrow = 1 - 0.18 * abs(pose.sin_yaw + 0.5 * motion.gaze_x)
    canvas.save()
    canvas.translate(*middle)
    canvas.scale(narrow, 1)
    canvas.drawCircle(0, 0, radius, fill(shaded(identity.iris, 0.62)))
    canvas.drawCircle(
        0,
        0,
        radius * 0.87,
        gradient((0, -radius), (0, radius), [shaded(identity.iris, 0.38), lit(identity.iris, 0.20)]),
    )
    canvas.save()
    canvas.scale(radius, radius)
    canvas.drawPath(_iris_fibres(), stroke(lit(identity.iris, 0.55), 0.055, 0.34))
    canvas.restore()
    canvas.drawCircle(0, 0, radius * 0.46, fill((0.045, 0.035, 0.04)))
    canvas.restore()
    canvas.drawPath(smooth_path(shape.upper, closed=False), stroke((0.16, 0.09, 0.09), 0.014, 0.42, 0.004))
    glint = (middle[0] + 0.006 * math.copysign(1, identity.light), middle[1] - 0.0065)
    canvas.drawCircle(*glint, 0.0048, fill((1, 1, 1), 0.95))
    canvas.drawCircle(
        middle[0] - 0.006 * math.copysign(1, identity.light), middle[1] + 0.007, 0.0024, fill((1, 1, 1), 0.35)
    )
    canvas.restore()


@lru_cache(maxsize=1)
def _iris_fibres() -> skia.Path:
    """Rays of the iris from pupil to rim, uneven, in units of its radius."""
    generator = np.random.default_rng(1)
    path = skia.Path()
    for index, (start, end, turn) in enumerate(generator.random((22, 3)).tolist()):
        angle = math.tau * (index + 0.7 * turn) / 22
        near, far = 0.48 + 0.08 * start, 0.62 + 0.20 * end
        path.moveTo(near * math.cos(angle), near * math.sin(angle))
        path.lineTo(far * math.cos(angle), far * math.sin(angle))
    return path


@lru_cache(maxsize=16)
def brow_points(pose: Pose, side: int) -> list[tuple[float, float, float]]:
    """The brow's middle line and half thickness: (x, y, half) from the nose outwards, before projection."""
    identity, motion = pose.identity, pose.motion
    scale = identity.face_width
    lift = 0.026 * motion.brow_raise if motion.brow_raise > 0 else 0.014 * motion.brow_raise
    anger, sorrow = max(0.0, motion.brow_furrow), max(0.0, -motion.brow_furrow)
    half = 0.0082 * identity.brow_weight
    rows = (
        (0.031, -0.0025, 0.80, 1.0), (0.054, -0.0060, 1.0, 0.65), (0.079, -0.0090, 0.9, 0.15),
        (0.104, -0.0065, 0.62, 0.0), (0.128, 0.0075, 0.12, 0.0),
    )  # fmt: skip
    points = []
    for x, y, weight, inner in rows:
        arch = -0.005 * identity.brow_arch if 0.06 < x < 0.11 else 0.0
        shift = inner * (0.017 * anger - 0.019 * sorrow) + (1 - inner) * (0.003 * sorrow - 0.002 * anger)
        narrow = inner * 0.007 * anger
        points.append((side * (x - narrow) * scale, BROW_Y + y + arch - lift + shift, half * weight))
    return points


def _draw_brow(canvas: skia.Canvas, pose: Pose, side: int) -> None:
    """A soft body with hairs that rise from the nose and lie flat towards the temple."""
    rows = brow_points(pose, side)
    path = skia.Path()
    extend_path(path, [pose.at(x, y - 0.85 * half, 0.006) for x, y, half in rows])
    extend_path(path, [pose.at(x, y + 0.85 * half, 0.006) for x, y, half in rows[::-1]])
    path.close()
    colour = mix(shaded(pose.identity.hair, 0.35), pose.identity.skin, 0.12)
    canvas.drawPath(path, fill(colour, 0.80, 0.0026))
    hairs = skia.Path()
    middle = np.array(rows)
    steps, jitter = _brow_hairs(pose.identity.seed)
    x, y, half = (np.interp(steps, np.arange(len(rows)), middle[:, i]) for i in range(3))
    share = steps / (len(rows) - 1)
    reach = 0.008 + 0.005 * jitter[1]
    roots_y = y + half * (0.6 - 0.6 * share + 0.6 * jitter[0] * share)
    ends_x = x + side * reach * (0.35 + 0.9 * share)
    ends_y = np.interp(np.minimum(steps + 0.25, len(rows) - 1.0), np.arange(len(rows)), middle[:, 1])
    ends_y = ends_y - half * (0.75 * (1 - share) + 0.8 * jitter[0] * share)
    roots = pose.at_many(x, roots_y, 0.006).tolist()
    ends = pose.at_many(ends_x, ends_y, 0.006).tolist()
    for root, end in zip(roots, ends, strict=True):
        hairs.moveTo(*root)
        hairs.lineTo(*end)
    canvas.drawPath(hairs, stroke(shaded(colour, 0.25), 0.0022, 0.50))


@lru_cache(maxsize=64)
def _brow_hairs(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    generator = np.random.default_rng(seed)
    return np.sort(generator.uniform(0, 3.7, 30)), generator.uniform(-1, 1, (2, 30))


def draw_glasses(canvas: skia.Canvas, pose: Pose) -> None:
    """Frames that stand in front of the eyes, with the window's light in the lenses."""
    identity = pose.identity
    frame, weight = identity.glasses_colour, identity.glasses_weight
    power = 2.0 + 2.4 * identity.glasses_squareness
    half_width = 0.057 * identity.glasses_width
    half_height = half_width * (0.90 - 0.18 * identity.glasses_squareness)
    for side in (-1, 1):
        x = side * 0.079 * identity.eye_spacing * identity.face_width
        rim = []
        for index in range(12):
            angle = index * math.tau / 12
            across, down = math.cos(angle), math.sin(angle)
            squared = 1 / (abs(across) ** power + abs(down) ** power) ** (1 / power)
            rim.append(
                pose.project(
                    x + half_width * across * squared,
                    EYE_Y + 0.006 + half_height * down * squared,
                    0.172 - 0.10 * max(0.0, side * across * 0.5),
                )
            )
        path = smooth_path(rim)
        canvas.drawPath(path, fill((1, 1, 1), 0.07))
        canvas.drawPath(path, stroke(frame, 0.0068 * weight, 0.95))
        canvas.save()
        canvas.clipPath(path, doAntiAlias=True)
        shine = [pose.project(x - 0.035, EYE_Y + 0.055, 0.17), pose.project(x + 0.030, EYE_Y - 0.050, 0.17)]
        canvas.drawPath(smooth_path(shine, closed=False), stroke((1, 1, 1), 0.016, 0.10, 0.003))
        canvas.restore()
        hinge = pose.project(x + side * half_width, EYE_Y - 0.008, 0.12)
        ear = pose.rim(side * 0.190 * identity.face_width, EYE_Y - 0.012, -0.02)
        canvas.drawLine(*hinge, *ear, stroke(frame, 0.0062 * min(1.0, weight), 0.95))
    left, right = (
        pose.project(side * (0.079 * identity.eye_spacing * identity.face_width - half_width), EYE_Y - 0.002, 0.176)
        for side in (-1, 1)
    )
    top = pose.project(0, EYE_Y - 0.010, 0.19)
    canvas.drawPath(smooth_path([left, top, right], closed=False), stroke(frame, 0.0066 * weight, 0.95))

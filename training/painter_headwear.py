"""What is worn on a head: a hijab around face and neck, a beret; and how hanging things follow a head that moves."""

import math

import skia

from training.painter_pose import Pose
from training.painter_shapes import Point, extend_path, fill, lit, shaded, smooth_path, stroke
from training.painter_strands import hair_paint


def hang(pose: Pose, x: float, y: float, share: float) -> Point:
    """A point of hanging hair: low ends follow the head only in part."""
    head = pose.rim(x, y, -0.06 * share)
    if share >= 1:
        return head
    # The canvas is rolled with the head; ends that rest on the shoulders are rolled back.
    sine, cosine = math.sin(-pose.motion.roll), math.cos(-pose.motion.roll)
    rest_x, rest_y = x, y - 0.31
    still = (rest_x * cosine - rest_y * sine + pose.body_x, rest_x * sine + rest_y * cosine + 0.31)
    return (still[0] + (head[0] - still[0]) * share, still[1] + (head[1] - still[1]) * share)


def not_past_the_face(pose: Pose, point: Point, margin: float = 0.0) -> Point:
    """The point, moved in where a turned head's edge hides it."""
    wide = pose.identity.face_width
    low, high = pose.rim(-0.180 * wide, 0, 0.015)[0] + margin, pose.rim(0.180 * wide, 0, 0.015)[0] - margin
    return min(high, max(low, point[0])), point[1]


def _opening(pose: Pose) -> list[Point]:
    """The rim of a covering around the face, clockwise from the forehead."""
    wide = pose.identity.face_width
    half = [
        (0.0, -0.196),
        (0.085, -0.184),
        (0.142, -0.120),
        (0.164, -0.020),
        (0.158, 0.090),
        (0.122, 0.190),
        (0.060, 0.246),
    ]
    rows = [*half, (0.0, 0.250), *((-x, y) for x, y in half[:0:-1])]
    points = [
        pose.at(x * wide, y + 0.9 * pose.drop(y), 0.012) if y < 0.15 else pose.rim(x * wide, y + pose.drop(y), 0.09)
        for x, y in rows
    ]
    return [not_past_the_face(pose, point, 0.010) for point in points]


def drape(pose: Pose) -> skia.Path:
    """The outline of cloth around head, neck and shoulders."""
    wide = pose.identity.face_width
    half = [(0.0, -0.325, 1.0), (0.115, -0.295, 1.0), (0.190, -0.205, 1.0), (0.216, -0.070, 1.0), (0.212, 0.080, 1.0),
            (0.196, 0.220, 0.8), (0.230, 0.335, 0.35), (0.310, 0.410, 0.1), (0.330, 0.60, 0.0)]  # fmt: skip
    rows = [*half, *((-x, y, share) for x, y, share in half[:0:-1])]
    return smooth_path([hang(pose, x * wide, y, share) for x, y, share in rows])


def wrap(pose: Pose) -> skia.Path:
    """Cloth around head and neck with a hole for the face."""
    return skia.Op(drape(pose), smooth_path(_opening(pose)), skia.kDifference_PathOp)


def draw_hem(canvas: skia.Canvas, pose: Pose) -> None:
    """Paint the rim of the cloth around the face and the folds below it."""
    colour = pose.identity.headwear_colour
    rim = smooth_path(_opening(pose))
    canvas.drawPath(rim, stroke(shaded(colour, 0.45), 0.010, 0.55, 0.004))
    canvas.drawPath(rim, stroke(lit(colour, 0.22), 0.004, 0.55, 0.001))
    folds = skia.Path()
    for x0, x1, y0 in ((-0.14, 0.10, 0.20), (-0.16, 0.16, 0.26), (0.10, -0.14, 0.30)):
        start, end = hang(pose, x0, y0, 0.7), hang(pose, x1, y0 + 0.11, 0.4)
        folds.moveTo(*start)
        folds.quadTo((start[0] + end[0]) / 2, end[1] + 0.012, *end)
    canvas.save()
    canvas.clipPath(wrap(pose), doAntiAlias=True)
    canvas.drawPath(folds, stroke(shaded(colour, 0.55), 0.014, 0.50, 0.006))
    canvas.translate(0, -0.012)
    canvas.drawPath(folds, stroke(lit(colour, 0.35), 0.008, 0.30, 0.005))
    canvas.restore()


def draw_beret(canvas: skia.Canvas, pose: Pose, size_px: int) -> None:
    """A soft cap that leans to one side."""
    identity = pose.identity
    side = -1 if identity.hair_part >= 0 else 1
    colour = identity.headwear_colour
    rows = [(-0.178, -0.165), (-0.235, -0.235), (-0.200, -0.315), (-0.085, -0.362), (0.060, -0.352), (0.155, -0.300),
            (0.186, -0.225), (0.170, -0.175)]  # fmt: skip
    outer = [pose.rim(-side * x, y, -0.01) for x, y in rows]
    band = [
        pose.at(-side * x, y, 0.01)
        for x, y in ((0.150, -0.190), (0.075, -0.232), (0.0, -0.238), (-0.085, -0.222), (-0.152, -0.180))
    ]
    path = skia.Path()
    extend_path(path, outer)
    extend_path(path, band)
    path.close()
    canvas.drawPath(path, fill(shaded(identity.hair, 0.8), 0.5, 0.008))
    canvas.drawPath(path, hair_paint(pose, size_px, 0.03, colour))
    canvas.drawPath(
        smooth_path([outer[-1], *band, outer[0]], closed=False), stroke(shaded(colour, 0.45), 0.010, 0.75, 0.002)
    )

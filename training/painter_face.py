"""The head's skin: ears, the face with its moving folds, nostrils, and the neck below."""

from functools import lru_cache

import numpy as np
import skia
from numpy.typing import NDArray

from training.painter_identity import Identity
from training.painter_pose import EYE_Y, NOSE_BASE_Y, WING_RISE, Floats, Pose
from training.painter_shapes import (
    Colour,
    Point,
    fill,
    gradient,
    lit,
    mix,
    shaded,
    smooth_path,
    spot,
    stroke,
)
from training.painter_skin import BOTTOM, HALF_WIDTH, TOP, relief, skin_picture

_COLUMNS, _ROWS = 17, 21


@lru_cache(maxsize=8)
def face_points(pose: Pose) -> list[Point]:
    """The outline of the face, projected, clockwise from the crown."""
    identity = pose.identity
    jaw, chin, length = identity.jaw_width, identity.chin_width, identity.chin_length
    bushy = 1 + 0.05 * max(0.0, identity.beard - 0.4)
    half = [
        (0.0, -0.292, 0.02), (0.100, -0.268, 0.01), (0.160, -0.190, 0.01), (0.1800, -0.085, 0.015),
        (0.1775, 0.010, 0.022), (0.1655 * (0.4 + 0.6 * jaw), 0.098, 0.04), (0.134 * jaw * bushy, 0.175, 0.07),
        (0.080 * (0.5 + 0.5 * chin) * bushy, 0.2315 * length * bushy, 0.11), (0.0, 0.254 * length * bushy, 0.125),
    ]  # fmt: skip
    mirrored = [(-x, y, z) for x, y, z in half[-2:0:-1]]
    points = []
    for x, y, z in half + mirrored:
        slim = 1 - 0.05 * pose.motion.jaw * max(0.0, min(1.0, y / 0.15))
        points.append(pose.rim(x * identity.face_width * slim, y + pose.drop(y), z))
    return points


def draw_ears(canvas: skia.Canvas, pose: Pose) -> None:
    """Ears sit behind the face's edge and move against it when the head turns."""
    identity = pose.identity
    if identity.headwear == "hijab" or identity.hair_style in ("long", "wavy", "bob", "fringe", "afro"):
        return
    for side in (-1, 1):
        x, y = pose.project(side * 0.184 * identity.face_width, -0.004, -0.035)
        canvas.save()
        canvas.translate(x, y)
        canvas.rotate(side * 9)
        tone = shaded(identity.skin, 0.08 if side * identity.light > 0 else 0.26)
        tone = mix(tone, (0.75, 0.25, 0.2), 0.08)
        rows = ((-0.022, -0.030), (0.0, -0.052), (0.022, -0.034), (0.018, 0.010), (0.006, 0.046), (-0.016, 0.040))
        ear = smooth_path([(side * px, py) for px, py in rows])
        canvas.drawPath(ear, fill(tone))
        inner = [(side * 0.000, -0.036), (side * 0.014, -0.024), (side * 0.011, 0.006), (side * 0.000, 0.022)]
        canvas.drawPath(smooth_path(inner, closed=False), stroke(shaded(identity.skin, 0.55), 0.009, 0.55, 0.003))
        canvas.restore()
        spot(canvas, (x - side * 0.010, y - 0.004), (0.014, 0.044), shaded(identity.skin, 0.6), 0.5, side * 9)


def draw_neck(canvas: skia.Canvas, pose: Pose) -> None:
    """The neck joins the head, which moves, to the body, which hardly does."""
    identity, body_x = pose.identity, pose.body_x
    width = 0.100 * identity.neck_width
    top_x, top_y = pose.rolled(pose.project(0.0, 0.14, -0.01))
    middle_x = 0.55 * top_x + 0.45 * body_x
    points = [
        (top_x - width * 0.98, top_y), (middle_x - width * 0.94, 0.270), (body_x - width * 1.12, 0.320),
        (body_x - width * 2.0, 0.386), (body_x - width * 2.2, 0.54), (body_x + width * 2.2, 0.54),
        (body_x + width * 2.0, 0.386), (body_x + width * 1.12, 0.320), (middle_x + width * 0.94, 0.270),
        (top_x + width * 0.98, top_y),
    ]  # fmt: skip
    path = smooth_path(points)
    light_side, dark_side = shaded(identity.skin, 0.10), shaded(identity.skin, 0.386)
    ends = (dark_side, light_side) if identity.light > 0 else (light_side, dark_side)
    middle = shaded(identity.skin, 0.14)
    canvas.drawPath(path, gradient((body_x - width * 1.2, 0), (body_x + width * 1.2, 0), [ends[0], middle, ends[1]]))
    canvas.save()
    canvas.clipPath(path, doAntiAlias=True)
    chin = pose.rolled(face_points(pose)[8])
    dark = shaded(identity.skin, 0.66)
    shadow_x = 0.7 * chin[0] + 0.3 * body_x - 0.035 * identity.light
    spot(canvas, (shadow_x, chin[1] + 0.006), (0.19, 0.105), dark, 0.95)
    for side in (-1, 1):
        cord = [(body_x + side * 0.072, 0.25), (body_x + side * 0.045, 0.316), (body_x + side * 0.016, 0.364)]
        canvas.drawPath(smooth_path(cord, closed=False), stroke(dark, 0.016, 0.22, 0.007))
        spot(canvas, (body_x + side * 0.055, 0.374), (0.06, 0.011), dark, 0.30, side * 12)
        spot(canvas, (body_x + side * 0.06, 0.364), (0.05, 0.008), lit(identity.skin, 0.4), 0.22, side * 12)
    spot(canvas, (body_x, 0.358), (0.018, 0.02), dark, 0.22)
    canvas.restore()


@lru_cache(maxsize=1)
def _triangles() -> list[int]:
    corners = []
    for row in range(_ROWS - 1):
        for column in range(_COLUMNS - 1):
            a = row * _COLUMNS + column
            corners += [a, a + 1, a + _COLUMNS, a + 1, a + _COLUMNS + 1, a + _COLUMNS]
    return corners


@lru_cache(maxsize=24)
def _grid(identity: Identity, scale_px: float) -> tuple[Floats, Floats, Floats, list[skia.Point]]:
    """The mesh at rest: x, y and depth of its corners, and where each lies in the skin's picture."""
    wide = HALF_WIDTH * identity.face_width
    x, y = np.meshgrid(np.linspace(-wide, wide, _COLUMNS), np.linspace(TOP, BOTTOM, _ROWS))
    depth = 0.168 * np.sqrt(np.maximum(0.06, 1 - (x / (0.212 * identity.face_width)) ** 2 - (y / 0.42) ** 2))
    depth = depth + 0.9 * relief(identity, x[0].astype(np.float32), y[:, 0].astype(np.float32))
    origins = np.stack([(x + wide) * scale_px, (y - TOP) * scale_px], -1).reshape(-1, 2).tolist()
    return x, y, depth, [skia.Point(*origin) for origin in origins]


def _projected(pose: Pose, x: Floats, y: Floats, depth: Floats) -> NDArray[np.float64]:
    """The skin's mesh in the picture: [rows, columns, 2]; near the silhouette it follows the round rim."""
    moved_x, moved_y = pose.skin(x, y)
    edge = np.clip((np.abs(x) / pose.identity.face_width - 0.135) / 0.05, 0, 1)
    edge = edge * edge * (3 - 2 * edge)
    depth = depth * (1 - edge) + 0.020 * edge
    turn = pose.cos_yaw * (1 - edge) + pose.rim_x * edge
    nod = pose.cos_pitch * (1 - edge) + pose.rim_y * edge
    return np.stack(
        [
            moved_x * turn + depth * pose.sin_yaw + pose.head_x,
            moved_y * nod - depth * pose.sin_pitch + pose.head_y,
        ],
        -1,
    )


def draw_face(canvas: skia.Canvas, pose: Pose, size_px: int) -> None:
    """Lay the skin's picture over the face as it stands and moves, then the folds that motion makes."""
    identity = pose.identity
    skin = skin_picture(identity, size_px)
    x, y, depth, origins = _grid(identity, skin.scale_px)
    places = [skia.Point(*place) for place in _projected(pose, x, y, depth).reshape(-1, 2).tolist()]
    vertices = skia.Vertices(skia.Vertices.kTriangles_VertexMode, places, origins, None, _triangles())
    path = smooth_path(face_points(pose))
    canvas.save()
    canvas.clipPath(path, doAntiAlias=True)
    canvas.drawPath(path, fill(shaded(identity.skin, 0.25)))
    shader = skin.image.makeShader(
        skia.TileMode.kClamp, skia.TileMode.kClamp, skia.SamplingOptions(skia.FilterMode.kLinear)
    )
    canvas.drawVertices(vertices, skia.Paint(Shader=shader))
    edge = shaded(identity.skin if identity.beard < 0.5 else identity.hair, 0.62)
    canvas.drawPath(path, stroke(edge, 0.016, 0.34, 0.007))
    _draw_nostrils(canvas, pose)
    _draw_folds(canvas, pose)
    canvas.restore()


def _draw_nostrils(canvas: skia.Canvas, pose: Pose) -> None:
    identity, sneer = pose.identity, pose.motion.sneer
    width, base = identity.nose_width, EYE_Y + (NOSE_BASE_Y - EYE_Y) * identity.nose_length - 0.35 * WING_RISE * sneer
    dark = shaded(identity.skin, 0.62)
    rise = 0.65 * WING_RISE * sneer
    spot(canvas, pose.at(0, base + 0.004, 0.022), (0.036 * width, 0.010), dark, 0.50)
    for wing in (-1, 1):
        hole = pose.at(wing * 0.0135 * width, base - 0.001 - 0.5 * rise, 0.034)
        canvas.save()
        canvas.translate(*hole)
        canvas.rotate(wing * 16)
        half = 0.0072 * width * (1 + 0.15 * sneer)
        canvas.drawOval(
            skia.Rect.MakeLTRB(-half, -0.0034, half, 0.0034), fill(shaded(identity.skin, 0.86), 0.85, 0.0012)
        )
        canvas.restore()
        curve = [
            pose.at(wing * 0.0285 * width, base - 0.020 - rise, 0.024),
            pose.at(wing * (0.0330 + 0.003 * sneer) * width, base - 0.008 - rise, 0.022),
            pose.at(wing * 0.0255 * width, base + 0.002 - rise, 0.026),
        ]
        canvas.drawPath(smooth_path(curve, closed=False), stroke(dark, 0.0046, 0.62 + 0.25 * sneer, 0.0018))


def _draw_folds(canvas: skia.Canvas, pose: Pose) -> None:
    """What skin does when it moves: wrinkles of a sneer, cheeks of a smile, a furrow, lines of surprise."""
    identity, motion = pose.identity, pose.motion
    dark: Colour = shaded(identity.skin, 0.52)
    sneer, grin = motion.sneer, max(0.0, motion.smile)
    if sneer > 0.02:
        for y, half in ((-0.058, 0.012), (-0.044, 0.016), (-0.029, 0.018)):
            line = [pose.at(v * half, y + 0.006 * abs(v), 0.030 - 0.012 * abs(v)) for v in (-1, -0.5, 0.5, 1)]
            canvas.drawPath(smooth_path(line, closed=False), stroke(dark, 0.0042, 0.55 * sneer, 0.0018))
        for side in (-1, 1):
            line = [
                pose.at(side * 0.024, -0.036, 0.012),
                pose.at(side * 0.034, -0.012, 0.008),
                pose.at(side * 0.040, 0.010),
            ]
            canvas.drawPath(smooth_path(line, closed=False), stroke(dark, 0.0045, 0.45 * sneer, 0.0026))
    for side in (-1, 1):
        if grin > 0.03:
            spot(
                canvas,
                pose.at(side * 0.096, 0.034 - 0.010 * grin),
                (0.040, 0.030),
                lit(identity.skin, 0.55),
                0.34 * grin,
            )
            under = [
                pose.at(side * (0.048 + 0.052 * v), -0.010 + 0.009 * np.sin(v * 3)) for v in (0.0, 0.33, 0.66, 1.0)
            ]
            canvas.drawPath(smooth_path(under, closed=False), stroke(dark, 0.0045, 0.30 * grin, 0.002))
    anger = max(0.0, motion.brow_furrow)
    if anger > 0.02:
        for side in (-1, 1):
            line = [
                pose.at(side * 0.0135, -0.120, 0.004), pose.at(side * 0.0105, -0.102, 0.008),
                pose.at(side * 0.0120, -0.083, 0.010),
            ]  # fmt: skip
            canvas.drawPath(smooth_path(line, closed=False), stroke(dark, 0.0062, 0.75 * anger, 0.0020))
        spot(canvas, pose.at(0, -0.098, 0.01), (0.012, 0.022), lit(identity.skin, 0.4), 0.28 * anger)
        spot(canvas, pose.at(0, -0.066, 0.02), (0.020, 0.010), dark, 0.35 * anger)
    sorrow = max(0.0, -motion.brow_furrow)
    surprise = max(0.0, motion.brow_raise) * 0.55
    if max(surprise, sorrow) > 0.03:
        half = 0.034 + 0.042 * surprise / (surprise + sorrow)
        for height, strength in ((-0.150, 1.0), (-0.168, 0.9), (-0.186, 0.6)):
            line = [pose.at(v * half, height - 0.007 * (1 - v * v), 0.002) for v in (-1, -0.5, 0, 0.5, 1)]
            alpha = strength * max(0.55 * surprise, 0.30 * sorrow)
            canvas.drawPath(smooth_path(line, closed=False), stroke(dark, 0.0048, alpha, 0.0020))

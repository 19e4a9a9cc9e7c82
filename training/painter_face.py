"""The head's skin: ears, face with light and shadow, nose, beard, and the neck below."""

import skia

from training.painter_mouth import mouth_shape
from training.painter_pose import EYE_Y, NOSE_BASE_Y, WING_RISE, Pose
from training.painter_shapes import (
    Point,
    extend_path,
    fill,
    gloss,
    gradient,
    lit,
    mix,
    shaded,
    smooth_path,
    spot,
    stroke,
)


def face_points(pose: Pose) -> list[Point]:
    """The outline of the face, projected, clockwise from the crown."""
    identity = pose.identity
    jaw, chin, length = identity.jaw_width, identity.chin_width, identity.chin_length
    half = [
        (0.0, -0.292, 0.02), (0.104, -0.268, 0.01), (0.168, -0.178, 0.01), (0.1855, -0.06, 0.015),
        (0.1795, 0.035, 0.022), (0.158 * jaw, 0.125, 0.04), (0.116 * jaw, 0.197, 0.075),
        (0.056 * chin, 0.243 * length, 0.115), (0.0, 0.252 * length, 0.125),
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
    for side in (-1, 1):
        x, y = pose.project(side * 0.192 * identity.face_width, 0.0, -0.035)
        canvas.save()
        canvas.translate(x, y)
        canvas.rotate(side * 9)
        tone = shaded(identity.skin, 0.10 if side * identity.light > 0 else 0.24)
        canvas.drawOval(skia.Rect.MakeLTRB(-0.025, -0.054, 0.025, 0.050), fill(tone))
        canvas.restore()
        spot(canvas, (x + side * 0.004, y - 0.004), (0.013, 0.034), shaded(identity.skin, 0.5), 0.5, side * 9)


def draw_neck(canvas: skia.Canvas, pose: Pose) -> None:
    """The neck joins the head, which moves, to the body, which hardly does."""
    identity, body_x = pose.identity, pose.body_x
    width = 0.100 * identity.neck_width
    top_x, top_y = pose.rolled(pose.project(0.0, 0.14, -0.01))
    middle_x = 0.55 * top_x + 0.45 * body_x
    points = [
        (top_x - width * 0.98, top_y), (middle_x - width * 0.94, 0.285), (body_x - width * 1.12, 0.352),
        (body_x - width * 2.0, 0.42), (body_x - width * 2.2, 0.56), (body_x + width * 2.2, 0.56),
        (body_x + width * 2.0, 0.42), (body_x + width * 1.12, 0.352), (middle_x + width * 0.94, 0.285),
        (top_x + width * 0.98, top_y),
    ]  # fmt: skip
    path = smooth_path(points)
    light_side, dark_side = shaded(identity.skin, 0.10), shaded(identity.skin, 0.36)
    ends = (dark_side, light_side) if identity.light > 0 else (light_side, dark_side)
    middle = shaded(identity.skin, 0.14)
    canvas.drawPath(path, gradient((body_x - width * 1.3, 0), (body_x + width * 1.3, 0), [ends[0], middle, ends[1]]))
    canvas.save()
    canvas.clipPath(path, doAntiAlias=True)
    chin = pose.rolled(face_points(pose)[8])
    dark = shaded(identity.skin, 0.60)
    spot(canvas, (0.7 * chin[0] + 0.3 * body_x, chin[1] + 0.004), (0.20, 0.105), dark, 0.85)
    for side in (-1, 1):
        spot(canvas, (body_x + side * 0.045, 0.405), (0.05, 0.012), dark, 0.20, side * 12)
    spot(canvas, (body_x, 0.385), (0.022, 0.03), dark, 0.14)
    canvas.restore()


def draw_face(canvas: skia.Canvas, pose: Pose) -> None:
    """Paint the face's skin with its light, blush, nose and beard."""
    identity, motion = pose.identity, pose.motion
    skin, light = identity.skin, identity.light
    path = smooth_path(face_points(pose))
    canvas.save()
    canvas.clipPath(path, doAntiAlias=True)
    left, right = pose.rim(-0.19, 0, 0.05), pose.rim(0.19, 0, 0.05)
    bright, dim = lit(skin, 0.20), shaded(skin, 0.05 + 0.13 * abs(light))
    ends = [dim, skin, bright] if light > 0 else [bright, skin, dim]
    canvas.drawPath(path, gradient((left[0], 0), (right[0], 0.03), ends, [0.0, 0.5, 1.0]))
    canvas.drawPath(path, stroke(shaded(skin, 0.40), 0.055, 0.55, 0.022))
    dark = shaded(skin, 0.42)
    bottom = face_points(pose)[8]
    spot(canvas, (bottom[0], bottom[1] + 0.02), (0.15, 0.055), dark, 0.55)
    spot(canvas, pose.at(light * 0.03, -0.16), (0.12, 0.08), lit(skin, 0.65), 0.42 * gloss(skin))
    rise = 0.010 * max(0.0, motion.smile)
    for side in (-1, 1):
        facing = 0.5 + 0.5 * side * light
        spot(
            canvas,
            pose.at(side * 0.112, 0.052 - rise),
            (0.062, 0.048),
            mix(skin, (0.86, 0.28, 0.26), 0.55),
            0.16 + 0.42 * identity.blush,
        )
        spot(
            canvas,
            pose.at(side * 0.108, 0.012 - rise),
            (0.050, 0.030),
            lit(skin, 0.7),
            (0.20 + 0.25 * facing) * gloss(skin),
            -side * 18,
        )
        hollow = pose.at(side * 0.148, 0.105 + 0.5 * pose.drop(0.105))
        spot(canvas, hollow, (0.04, 0.075), dark, 0.22 + 0.12 * (1 - facing) + 0.10 * motion.jaw, side * 20)
    spot(canvas, pose.at(0, 0.222 + pose.drop(0.22), 0.01), (0.040, 0.024), lit(skin, 0.6), 0.26 * gloss(skin))
    _draw_nose(canvas, pose)
    _draw_nose_wrinkles(canvas, pose)
    if identity.beard > 0:
        _draw_beard(canvas, pose)
    canvas.restore()


def _draw_nose(canvas: skia.Canvas, pose: Pose) -> None:
    identity = pose.identity
    skin, side = identity.skin, 1 if identity.light < 0 else -1
    sneer = pose.motion.sneer
    width, base = identity.nose_width, EYE_Y + (NOSE_BASE_Y - EYE_Y) * identity.nose_length - 0.5 * WING_RISE * sneer
    wing_rise = 0.5 * WING_RISE * sneer
    dark = shaded(skin, 0.45)
    shade_side = [
        pose.at(side * 0.019, -0.070, 0.004), pose.at(side * 0.0135, EYE_Y, 0.014),
        pose.at(side * 0.016 * width, 0.006, 0.026), pose.at(side * 0.027 * width, base - 0.020, 0.026),
    ]  # fmt: skip
    canvas.drawPath(smooth_path(shade_side, closed=False), stroke(dark, 0.015, 0.24, 0.0075))
    ridge = [
        pose.at(-side * 0.003, -0.07, 0.022),
        pose.at(-side * 0.003, -0.015, 0.038),
        pose.at(-side * 0.003, base - 0.028, 0.058),
    ]
    canvas.drawPath(smooth_path(ridge, closed=False), stroke(lit(skin, 0.75), 0.012, 0.36 * gloss(skin), 0.006))
    spot(canvas, pose.at(0, base + 0.004, 0.022), (0.042 * width, 0.017), dark, 0.62)
    tip = pose.at(0, base - 0.019, 0.055)
    spot(canvas, tip, (0.026 * width, 0.022), mix(skin, (0.85, 0.35, 0.28), 0.28), 0.5)
    spot(canvas, pose.at(-side * 0.004, base - 0.026, 0.060), (0.011, 0.011), lit(skin, 0.85), 0.62 * gloss(skin))
    for wing in (-1, 1):
        curve = [
            pose.at(wing * 0.0265 * width, base - 0.022 - wing_rise, 0.022),
            pose.at(wing * (0.0325 + 0.004 * sneer) * width, base - 0.009 - wing_rise, 0.020),
            pose.at(wing * 0.0265 * width, base + 0.001 - wing_rise, 0.022),
        ]  # fmt: skip
        canvas.drawPath(smooth_path(curve, closed=False), stroke(dark, 0.0056, 0.50 + 0.3 * sneer, 0.0026))
        hole = pose.at(wing * 0.0145 * width, base - 0.0015 - 0.5 * wing_rise, 0.034)
        canvas.save()
        canvas.translate(*hole)
        canvas.rotate(wing * 12)
        canvas.drawOval(
            skia.Rect.MakeLTRB(-0.0078 * width, -0.0036, 0.0078 * width, 0.0036), fill(shaded(skin, 0.72), 0.8, 0.0014)
        )
        canvas.restore()


def _draw_nose_wrinkles(canvas: skia.Canvas, pose: Pose) -> None:
    sneer, dark = pose.motion.sneer, shaded(pose.identity.skin, 0.5)
    if sneer < 0.02:
        return
    for y, half in ((-0.060, 0.014), (-0.045, 0.018), (-0.030, 0.020)):
        line = [pose.at(step * half, y + 0.005 * abs(step), 0.028 - 0.010 * abs(step)) for step in (-1, -0.5, 0.5, 1)]
        canvas.drawPath(smooth_path(line, closed=False), stroke(dark, 0.0045, 0.5 * sneer, 0.0022))
    for side in (-1, 1):
        line = [
            pose.at(side * 0.024, -0.036, 0.012),
            pose.at(side * 0.034, -0.012, 0.008),
            pose.at(side * 0.038, 0.012),
        ]
        canvas.drawPath(smooth_path(line, closed=False), stroke(dark, 0.005, 0.42 * sneer, 0.0028))


def _draw_beard(canvas: skia.Canvas, pose: Pose) -> None:
    identity = pose.identity
    shape = mouth_shape(pose)
    outline = face_points(pose)
    colour = mix(shaded(identity.hair, 0.16), identity.skin, 0.06)
    strength = min(1.0, 0.08 + 0.88 * identity.beard**1.3)
    width = shape.half_width
    top = shape.upper_outer
    inner: list[Point] = [
        pose.at(0.150, 0.045), pose.at(0.128, 0.098 + 0.4 * pose.drop(0.098)),
        shape.at(width + 0.022, shape.corner_y - 0.010),
        pose.at(0.046, 0.094, 0.006), pose.at(0.0, 0.088, 0.010), pose.at(-0.046, 0.094, 0.006),
        shape.at(-width - 0.022, shape.corner_y - 0.010),
        pose.at(-0.128, 0.098 + 0.4 * pose.drop(0.098)), pose.at(-0.150, 0.045),
    ]  # fmt: skip
    outer = [(x * 1.06, y + 0.004) for x, y in outline[12:3:-1]]
    path = skia.Path()
    extend_path(path, [pose.rim(0.21, -0.06, 0.0), *inner, pose.rim(-0.21, -0.06, 0.0)], tension=0.8)
    extend_path(path, outer)
    path.close()
    canvas.drawPath(path, fill(colour, strength, 0.006 + 0.008 * (1 - identity.beard)))
    spot(canvas, (outline[8][0], outline[8][1] - 0.03), (0.06, 0.03), lit(colour, 0.5), 0.22 * strength)
    if identity.beard < 0.5:
        spot(canvas, (top[6][0], top[6][1] - 0.014), (width, 0.016), colour, 0.2 * strength)

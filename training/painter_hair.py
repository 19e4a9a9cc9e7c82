"""Six hair styles: a mass behind the head and a cap whose hairline sits on the forehead."""

import math

import skia

from training.painter_face import face_points
from training.painter_pose import Pose
from training.painter_shapes import Colour, Point, extend_path, fill, gradient, lit, shaded, smooth_path, spot, stroke


def draw_back_hair(canvas: skia.Canvas, pose: Pose) -> None:
    """What is seen behind neck, ears and face."""
    identity = pose.identity
    style, volume, wide = identity.hair_style, identity.hair_volume, identity.face_width
    dark = shaded(identity.hair, 0.30)
    if style in ("long", "bob"):
        low = 0.43 if style == "long" else 0.205
        flare = (0.215 + 0.035 * volume) * wide
        sway = 0.4 if style == "long" else 1.0
        half = [
            (0.09, -0.285, 1.0), (0.180 * wide, -0.21, 1.0), (0.218 * wide, -0.06, 1.0),
            (flare, 0.10, 0.9), (flare * (1.02 if style == "long" else 0.97), 0.6 * low + 0.06, sway),
            (flare * (0.86 if style == "long" else 0.72), low, sway),
        ]  # fmt: skip
        head = [_hang(pose, x, y, share) for x, y, share in half]
        other = [_hang(pose, -x, y, share) for x, y, share in half[::-1]]
        path = smooth_path([*head, *other])
        canvas.drawPath(
            path, gradient((0, -0.25), (0, low), [shaded(identity.hair, 0.12), shaded(identity.hair, 0.48)])
        )
        return
    if style == "curly":
        radius = 0.238 + 0.04 * volume
        path = smooth_path(_curls(pose, radius, -0.07))
        canvas.drawPath(path, gradient((0, -0.3), (0, 0.2), [lit(identity.hair, 0.05), shaded(identity.hair, 0.45)]))
        return
    if style == "bun":
        x, y = pose.project(0.0, -0.345, -0.10)
        canvas.save()
        canvas.translate(x, y)
        radius = 0.066 + 0.018 * volume
        paint = gradient((0, -radius), (0, radius), [lit(identity.hair, 0.16), shaded(identity.hair, 0.3)])
        canvas.drawOval(skia.Rect.MakeLTRB(-radius * 1.1, -radius, radius * 1.1, radius), paint)
        canvas.restore()
    skull = []
    for index in range(12):
        angle = index * math.tau / 12
        skull.append(pose.rim(0.196 * wide * math.cos(angle), -0.085 + 0.205 * math.sin(angle), -0.085))
    canvas.drawPath(smooth_path(skull), fill(dark))


def _hang(pose: Pose, x: float, y: float, share: float) -> Point:
    """A point of hanging hair: low ends follow the head only in part."""
    head = pose.rim(x, y, -0.06 * share)
    if share >= 1:
        return head
    # The canvas is rolled with the head; ends that rest on the shoulders are rolled back.
    sine, cosine = math.sin(-pose.motion.roll), math.cos(-pose.motion.roll)
    rest_x, rest_y = x, y - 0.31
    still = (rest_x * cosine - rest_y * sine + pose.body_x, rest_x * sine + rest_y * cosine + 0.31)
    return (still[0] + (head[0] - still[0]) * share, still[1] + (head[1] - still[1]) * share)


def _curls(pose: Pose, radius: float, middle_y: float) -> list[Point]:
    """A cloud of soft lobes around the head."""
    points = []
    for index in range(26):
        angle = index * math.tau / 26
        bump = radius * (1 + 0.024 * (-1) ** index + 0.008 * math.sin(5.1 * index))
        squeeze = 0.98 if math.sin(angle) < 0 else 1.12
        points.append(pose.rim(0.93 * bump * math.cos(angle), middle_y + bump * math.sin(angle) * squeeze, -0.05))
    return points


def _draw_curl_shades(canvas: skia.Canvas, pose: Pose, radius: float, middle_y: float) -> None:
    """Soft light and dark lobes inside the cloud."""
    light = pose.identity.light
    for index in range(11):
        angle = math.pi * (1.06 + 0.088 * index)
        reach = radius * (0.70 if index % 2 else 0.86)
        x, y = pose.rim(0.93 * reach * math.cos(angle), middle_y + reach * math.sin(angle), -0.02)
        is_lit = (index % 2 == 0) == (index % 4 == 0)
        facing = 0.5 + 0.5 * math.copysign(1, light) * math.cos(angle)
        colour = lit(pose.identity.hair, 0.5) if is_lit else shaded(pose.identity.hair, 0.5)
        spot(
            canvas,
            (x, y),
            (0.055, 0.042),
            colour,
            (0.12 + 0.20 * facing) if is_lit else 0.35 - 0.22 * pose.identity.hair[1],
        )


def _cap(pose: Pose, outer: list[tuple[float, float]], hairline: list[tuple[float, float]]) -> skia.Path:
    """outer: from the left temple over the crown to the right; hairline: from the right temple back to the left."""
    wide = pose.identity.face_width
    path = skia.Path()
    extend_path(path, [pose.rim(x * wide, y, -0.02) for x, y in outer])
    low, high = pose.rim(-0.189 * wide, 0, 0.015)[0], pose.rim(0.189 * wide, 0, 0.015)[0]
    line = [pose.at(x * wide, y, 0.004) for x, y in hairline]
    # Past the face's edge the far temple is out of sight.
    extend_path(path, [(min(high, max(low, x)), y) for x, y in line])
    path.close()
    return path


def _contour(volume: float, low: float, lean: float = 0.0) -> list[tuple[float, float]]:
    """The silhouette of a cap of the given volume from ear to ear; `lean` lifts one side."""
    extra = 0.012 + 0.03 * volume
    points = [(-0.188 - 0.2 * extra, low)]
    for degrees in (176, 152, 128, 107, 90, 73, 52, 28, 4):
        across, up = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        lift = extra * (1 - 0.45 * lean * across) if lean else extra
        points.append((across * (0.195 + 0.6 * extra), -0.10 - up**0.92 * (0.198 + lift)))
    return [*points, (0.188 + 0.2 * extra, low)]


def draw_front_hair(canvas: skia.Canvas, pose: Pose) -> None:
    """The cap over the forehead with its shadow on the skin and a soft sheen."""
    identity = pose.identity
    style, volume, part = identity.hair_style, identity.hair_volume, identity.hair_part
    side = 1 if part >= 0 else -1
    if style == "crop":
        paths = [_cap(pose, _contour(0.35 * volume, -0.01), _crop_line())]
    elif style == "swept":
        paths = [_cap(pose, _contour(0.4 + 0.8 * volume, -0.005, side), _swept_line(side, volume))]
    elif style == "curly":
        paths = [_cap(pose, _contour(0.6, -0.04), _curly_line())]
    elif style == "bun":
        paths = [_cap(pose, _contour(0.25 + 0.3 * volume, -0.03), _bun_line())]
    else:
        paths = _curtains(pose, 0.06 * part, 0.26 if style == "long" else 0.155)
    canvas.save()
    canvas.clipPath(smooth_path(face_points(pose)), doAntiAlias=True)
    canvas.translate(-0.006 * identity.light, 0.014)
    for path in paths:
        canvas.drawPath(path, fill(shaded(identity.skin, 0.62), 0.55, 0.012))
    canvas.restore()
    top, low = pose.rim(0, -0.34, 0)[1], pose.rim(0, 0.0 if style != "long" else 0.2, 0)[1]
    for path in paths:
        canvas.drawPath(
            path, gradient((0, top), (0, low), [lit(identity.hair, 0.10), identity.hair, shaded(identity.hair, 0.28)])
        )
        canvas.save()
        canvas.clipPath(path, doAntiAlias=True)
        _draw_sheen(canvas, pose, style, side)
        canvas.restore()
    if style == "curly":
        radius = 0.238 + 0.04 * volume
        skin = smooth_path(face_points(pose))
        canvas.save()
        canvas.clipPath(smooth_path(_curls(pose, radius, -0.07)), doAntiAlias=True)
        canvas.clipPath(skia.Op(skin, paths[0], skia.kDifference_PathOp), skia.ClipOp.kDifference, True)
        _draw_curl_shades(canvas, pose, radius, -0.07)
        canvas.restore()


def _draw_sheen(canvas: skia.Canvas, pose: Pose, style: str, side: int) -> None:
    identity = pose.identity
    shine: Colour = lit(identity.hair, 0.55)
    reach = 0.4 if style == "curly" else 1.0
    x = 0.085 * (1 if identity.light > 0 else -1)
    spot(canvas, pose.rim(x, -0.245, 0.04), (0.10, 0.055), shine, 0.34 * reach, 22 * (1 if x > 0 else -1))
    spot(canvas, pose.rim(-x * 1.2, -0.23, 0.04), (0.07, 0.035), shine, 0.15 * reach, -25 * (1 if x > 0 else -1))
    if style in ("swept", "long", "bob"):
        root = pose.rim(-0.06 * side if style == "swept" else 0.06 * identity.hair_part, -0.30, 0.03)
        for end_x, end_y, tone in ((-0.15, -0.15, 0.5), (-0.09, -0.18, -0.5), (0.09, -0.18, -0.5), (0.15, -0.15, 0.4)):
            end = pose.rim(end_x, end_y, 0.05)
            bend = ((root[0] + end[0]) / 2 + 0.10 * end_x, (root[1] + end[1]) / 2 - 0.03)
            colour = shine if tone > 0 else shaded(identity.hair, 0.45)
            canvas.drawPath(smooth_path([root, bend, end], closed=False), stroke(colour, 0.012, 0.20, 0.006))


def _crop_line() -> list[tuple[float, float]]:
    half = ((0.183, 0.0), (0.163, -0.045), (0.152, -0.115), (0.128, -0.172), (0.07, -0.196))
    return [*half, (0.0, -0.200), *((-x, y) for x, y in half[::-1])]


def _swept_line(side: int, volume: float) -> list[tuple[float, float]]:
    lift = 0.016 * volume
    line = [
        (0.183, 0.002), (0.163, -0.045), (0.154, -0.11), (0.132, -0.165), (0.085, -0.215 - lift),
        (0.015, -0.190 - lift), (-0.060, -0.168), (-0.118, -0.150), (-0.154, -0.105), (-0.166, -0.045), (-0.183, 0.002),
    ]  # fmt: skip
    return line if side > 0 else [(-x, y) for x, y in line[::-1]]


def _curly_line() -> list[tuple[float, float]]:
    half = ((0.190, -0.02), (0.168, -0.065), (0.160, -0.115), (0.132, -0.148), (0.098, -0.182), (0.055, -0.182))
    return [*half, (0.0, -0.196), *((-x, y) for x, y in half[::-1])]


def _bun_line() -> list[tuple[float, float]]:
    half = ((0.186, -0.02), (0.166, -0.07), (0.152, -0.125), (0.115, -0.178), (0.055, -0.204))
    return [*half, (0.0, -0.210), *((-x, y) for x, y in half[::-1])]


def _curtains(pose: Pose, part_x: float, low: float) -> list[skia.Path]:
    """Two curtains from the parting down both sides of the face."""
    wide, volume = pose.identity.face_width, pose.identity.hair_volume
    extra = 0.012 + 0.022 * volume
    paths = []
    for side in (-1, 1):
        drop = pose.drop(low) * 0.15
        seam_x = part_x - side * 0.002  # the two overlap, or the skin would shine through the parting
        outer = [
            (seam_x, -0.304 - extra, -0.01), (side * 0.105, -0.281 - extra, -0.02),
            (side * (0.174 + 0.6 * extra), -0.205 - 0.3 * extra, -0.02), (side * (0.198 + extra), -0.07, -0.02),
            (side * (0.206 + extra), 0.08, -0.01), (side * (0.20 + extra), low, 0.0),
        ]  # fmt: skip
        inner = [
            (side * 0.186, low - 0.03, 0.02), (side * 0.176, 0.06, 0.035), (side * 0.164, -0.05, 0.07),
            (side * 0.138, -0.125, 0.10), (part_x + side * 0.062, -0.192, 0.13), (seam_x, -0.232, 0.12),
        ]  # fmt: skip
        path = skia.Path()
        extend_path(path, [pose.rim(x * wide, y, z) for x, y, z in outer])
        tip = pose.rim(side * 0.196 * wide, low + 0.04 + drop, 0.0)
        path.quadTo(*pose.rim(side * (0.21 + extra) * wide, low + 0.035, 0.0), *tip)
        extend_path(path, [pose.rim(x * wide, y + (drop if y > 0 else 0), z) for x, y, z in inner])
        path.close()
        paths.append(path)
    return paths

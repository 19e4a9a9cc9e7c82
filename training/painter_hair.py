"""Hair styles: a mass behind the head and a front whose hairline sits on the forehead."""

import math

import numpy as np
import skia

from training.painter_face import face_points
from training.painter_headwear import drape, draw_beret, draw_hem, hang, not_past_the_face, wrap
from training.painter_pose import Pose
from training.painter_shapes import Point, extend_path, fill, shaded, smooth_path, spot, stroke
from training.painter_strands import hair_paint

_HANGING = ("long", "wavy", "bob", "fringe")
_LOW = {"long": 0.44, "wavy": 0.42, "bob": 0.205, "fringe": 0.215}


def draw_back_hair(canvas: skia.Canvas, pose: Pose, size_px: int) -> None:
    """What is seen behind neck, ears and face."""
    identity = pose.identity
    style, wide = identity.hair_style, identity.face_width
    if identity.headwear == "hijab":
        canvas.drawPath(drape(pose), fill(shaded(identity.headwear_colour, 0.55)))
        return
    if style == "bald":
        return
    if style in _HANGING:
        path = smooth_path(_hanging(pose))
    elif style in ("curly", "afro"):
        path = smooth_path(_cloud(pose))
    else:
        if style == "bun":
            _draw_bun(canvas, pose, size_px)
        angles = [index * math.tau / 12 for index in range(12)]
        path = smooth_path([pose.rim(0.188 * wide * math.cos(a), -0.085 + 0.203 * math.sin(a), -0.085) for a in angles])
        if style == "buzz":
            canvas.drawPath(path, fill(shaded(identity.hair, 0.35), 0.5))
            return
    canvas.drawPath(path, hair_paint(pose, size_px, -0.06))
    if style in ("curly", "afro"):
        canvas.save()
        canvas.clipPath(path, doAntiAlias=True)
        spot(canvas, pose.rim(0.0, 0.12, -0.05), (0.30, 0.26), shaded(identity.hair, 0.85), 0.85)
        canvas.restore()
    else:
        canvas.drawPath(path, fill(shaded(identity.hair, 0.85), 0.45))


def _draw_bun(canvas: skia.Canvas, pose: Pose, size_px: int) -> None:
    x, y = pose.project(0.0, -0.335, -0.10)
    radius = 0.060 + 0.018 * pose.identity.hair_volume
    bun = smooth_path([(x + 1.12 * radius * math.cos(a), y + radius * math.sin(a)) for a in np.linspace(0, 5.5, 8)])
    canvas.drawPath(bun, hair_paint(pose, size_px, -0.10))
    spot(canvas, (x, y + 0.5 * radius), (radius * 1.1, radius * 0.6), shaded(pose.identity.hair, 0.6), 0.5)


def _hanging(pose: Pose) -> list[Point]:
    """The outline of hair that hangs behind the shoulders or ends above them."""
    identity = pose.identity
    style, volume, wide = identity.hair_style, identity.hair_volume, identity.face_width
    low = _LOW[style]
    flare = (0.208 + 0.038 * volume) * wide
    sway = 0.4 if low > 0.3 else 1.0
    half: list[tuple[float, float, float]] = [
        (0.09, -0.280, 1.0),
        (0.178 * wide, -0.21, 1.0),
        (0.214 * wide, -0.06, 1.0),
    ]
    for step in range(1, 7):
        y = -0.06 + (low + 0.06) * step / 6
        wave = 0.020 * identity.hair_wave * math.sin(34 * y + 1.0) + 0.014 * identity.hair_wave
        taper = 1.0 - (0.10 if low > 0.3 else 0.06 + 0.10 * (step == 6)) * max(0, step - 4)
        half.append((flare * taper + wave, y, 1 + (sway - 1) * step / 6))
    head = [hang(pose, x, y, share) for x, y, share in half]
    other = [hang(pose, -x, y, share) for x, y, share in half[::-1]]
    return [*head, *other]


def _cloud(pose: Pose) -> list[Point]:
    """Lobes of curls around the head, uneven as curls are."""
    identity = pose.identity
    is_afro = identity.hair_style == "afro"
    radius = (0.236 if is_afro else 0.222) + 0.055 * identity.hair_volume
    generator = np.random.default_rng(identity.seed)
    num_lobes = 44 if is_afro else 30
    bumps = (0.012 if is_afro else 0.030) * np.where(np.arange(num_lobes) % 2, 1, -1) + generator.normal(
        0, 0.006 if is_afro else 0.014, num_lobes
    )
    points = []
    for index, bump in enumerate(bumps.tolist()):
        angle = index * math.tau / num_lobes
        reach = radius * (1 + bump)
        squeeze = 0.95 if math.sin(angle) < 0 else (0.80 if is_afro else 1.15 - 0.45 * (1 - identity.hair_volume))
        points.append(pose.rim(0.95 * reach * math.cos(angle), -0.085 + reach * math.sin(angle) * squeeze, -0.05))
    return points


def _cap(pose: Pose, outer: list[tuple[float, float]], hairline: list[tuple[float, float]]) -> skia.Path:
    """outer: from the left temple over the crown to the right; hairline: from the right temple back to the left."""
    wide = pose.identity.face_width
    path = skia.Path()
    extend_path(path, [pose.rim(x * wide, y, -0.02) for x, y in outer])
    extend_path(path, _line(pose, hairline))
    path.close()
    return path


def _line(pose: Pose, hairline: list[tuple[float, float]]) -> list[Point]:
    wide = pose.identity.face_width
    return [not_past_the_face(pose, pose.at(x * wide, y, 0.004)) for x, y in hairline]


def _contour(volume: float, low: float, lean: float = 0.0, seed: int = 0) -> list[tuple[float, float]]:
    """The silhouette of a cap of the given volume from ear to ear; `lean` lifts one side."""
    extra = 0.006 + 0.030 * volume
    uneven = np.random.default_rng(seed).normal(0, 0.0035, 13).tolist()
    points = [(-0.181 - 0.1 * extra, low)]
    for degrees, bump in zip((176, 162, 148, 132, 117, 103, 90, 77, 63, 48, 32, 18, 4), uneven, strict=True):
        across, up = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        lift = extra * (1 - 0.45 * lean * across) + bump * volume
        points.append((across * (0.187 + 0.55 * extra), -0.10 - up**0.92 * (0.198 + lift)))
    return [*points, (0.181 + 0.1 * extra, low)]


def draw_front_hair(canvas: skia.Canvas, pose: Pose, size_px: int) -> None:
    """The hair over the forehead with its shadow on the skin and hairs that cross its edge."""
    identity = pose.identity
    style, volume = identity.hair_style, identity.hair_volume
    side = 1 if identity.hair_part >= 0 else -1
    seed = identity.seed
    lines: list[list[Point]] = []
    if identity.headwear == "hijab":
        paths = [wrap(pose)]
    elif style == "bald":
        paths = []
    else:
        if style in ("crop", "buzz"):
            outer, hairline = (
                _contour(0.30 * volume if style == "crop" else -0.22, -0.01, 0.0, seed),
                _crop_line(identity.age),
            )
        elif style in ("swept", "pixie"):
            outer, hairline = (
                _contour(0.35 + 0.8 * volume, -0.005 if style == "swept" else 0.03, side, seed),
                _swept_line(side, volume),
            )
        elif style == "quiff":
            outer, hairline = _contour(0.9 + 0.7 * volume, -0.01, 0.25 * side, seed), _quiff_line()
        elif style in ("curly", "afro"):
            outer, hairline = _contour(0.6, -0.04, 0.0, seed), _curly_line(seed)
        elif style == "bun":
            outer, hairline = _contour(0.20 + 0.3 * volume, -0.03, 0.0), _bun_line()
        else:
            outer, hairline = [], []
        if hairline:
            paths, lines = [_cap(pose, outer, hairline)], [_line(pose, hairline)]
        else:
            paths = _curtains(pose)
            if style == "fringe":
                paths.append(_fringe(pose))
    _draw_shadow(canvas, pose, paths)
    if style == "buzz" and identity.headwear != "hijab":
        canvas.drawPath(paths[0], fill(shaded(identity.hair, 0.1), 0.66, 0.0035))
        return
    cloth = identity.headwear_colour if identity.headwear == "hijab" else None
    paint = hair_paint(pose, size_px, 0.05, cloth)
    for path in paths:
        canvas.drawPath(path, paint)
    if identity.headwear == "hijab":
        draw_hem(canvas, pose)
        return
    if style not in ("curly", "afro"):
        for line in lines:
            _draw_baby_hair(canvas, pose, line)
    elif paths:
        canvas.drawPath(smooth_path(lines[0], closed=False), stroke(shaded(identity.hair, 0.2), 0.010, 0.8, 0.004))
    if style == "fringe":
        _draw_fringe_gaps(canvas, pose)
    if identity.headwear == "beret":
        draw_beret(canvas, pose, size_px)


def _draw_shadow(canvas: skia.Canvas, pose: Pose, paths: list[skia.Path]) -> None:
    identity = pose.identity
    canvas.save()
    canvas.clipPath(smooth_path(face_points(pose)), doAntiAlias=True)
    canvas.translate(-0.010 * identity.light, 0.012)
    for path in paths:
        canvas.drawPath(path, fill(shaded(identity.skin, 0.62), 0.58, 0.009))
    canvas.restore()


def _draw_baby_hair(canvas: skia.Canvas, pose: Pose, line: list[Point]) -> None:
    """Short hairs across the hairline, which would be a helmet's edge without them."""
    generator = np.random.default_rng(pose.identity.seed + 2)
    points = np.array(line)
    steps = np.linspace(0.6, len(line) - 1.6, 52)
    low = steps.astype(int)
    share = (steps - low)[:, None]
    roots = points[low] * (1 - share) + points[low + 1] * share
    path = skia.Path()
    middle = pose.at(0.0, -0.12)
    for (x, y), (away, lean, long) in zip(roots.tolist(), generator.random((len(roots), 3)).tolist(), strict=True):
        length = 0.004 + 0.010 * long
        down_x, down_y = middle[0] - x, middle[1] - y + 0.05
        norm = math.hypot(down_x, down_y) + 1e-6
        down_x, down_y = down_x / norm, down_y / norm
        path.moveTo(x - 0.012 * down_x, y - 0.012 * down_y)
        bend = 0.010 * (lean - 0.5) + 0.004
        path.quadTo(x, y, x + length * down_x * away + bend, y + length * down_y * away)
    canvas.drawPath(smooth_path(line, closed=False), stroke(shaded(pose.identity.hair, 0.25), 0.010, 0.45, 0.004))
    canvas.drawPath(path, stroke(shaded(pose.identity.hair, 0.15), 0.0018, 0.28))


def _crop_line(age: float) -> list[tuple[float, float]]:
    back = 0.012 + 0.030 * max(0.0, age - 0.5)
    half = ((0.180, 0.0), (0.166, -0.045), (0.160, -0.100), (0.140, -0.150 - 0.5 * back), (0.098, -0.194 - back))
    middle = ((0.05, -0.200), (0.0, -0.206))
    return [*half, *middle, *((-x, y) for x, y in middle[:1]), *((-x, y) for x, y in half[::-1])]


def _swept_line(side: int, volume: float) -> list[tuple[float, float]]:
    lift = 0.012 * volume
    line = [
        (0.180, 0.002), (0.166, -0.045), (0.160, -0.105), (0.142, -0.165), (0.090, -0.216 - lift),
        (0.020, -0.196 - lift), (-0.050, -0.178), (-0.112, -0.158), (-0.152, -0.105), (-0.164, -0.045), (-0.180, 0.002),
    ]  # fmt: skip
    return line if side > 0 else [(-x, y) for x, y in line[::-1]]


def _quiff_line() -> list[tuple[float, float]]:
    half = ((0.180, -0.01), (0.164, -0.06), (0.156, -0.125), (0.130, -0.185), (0.085, -0.218), (0.04, -0.214))
    return [*half, (0.0, -0.218), *((-x, y) for x, y in half[::-1])]


def _curly_line(seed: int) -> list[tuple[float, float]]:
    uneven = np.random.default_rng(seed + 3).normal(0, 0.006, 13).tolist()
    half = ((0.184, -0.02), (0.166, -0.065), (0.158, -0.115), (0.136, -0.156), (0.098, -0.186), (0.055, -0.192))
    points = [*half, (0.0, -0.200), *((-x, y) for x, y in half[::-1])]
    return [(x, y + bump) for (x, y), bump in zip(points, uneven, strict=True)]


def _bun_line() -> list[tuple[float, float]]:
    half = ((0.181, -0.02), (0.166, -0.07), (0.155, -0.125), (0.122, -0.178), (0.060, -0.207))
    return [*half, (0.0, -0.213), *((-x, y) for x, y in half[::-1])]


def _curtains(pose: Pose) -> list[skia.Path]:
    """Two curtains from the parting down both sides of the face."""
    identity = pose.identity
    wide, volume = identity.face_width, identity.hair_volume
    part_x = 0.06 * identity.hair_part
    low = 0.27 if _LOW[identity.hair_style] > 0.3 else 0.150
    extra = 0.006 + 0.024 * volume
    paths = []
    for side in (-1, 1):
        drop = pose.drop(low) * 0.15
        seam_x = part_x - side * 0.002  # the two overlap, or the skin would shine through the parting
        outer = [
            *((x, -0.300 + 2.0 * x * x - extra, -0.015) for x in (seam_x, 0.5 * (seam_x + side * 0.118), side * 0.118)),
            (side * (0.172 + 0.5 * extra), -0.200 - 0.3 * extra, -0.02), (side * (0.193 + extra), -0.07, -0.02),
        ]  # fmt: skip
        inner = [(side * 0.155, -0.088, 0.08), (side * 0.128, -0.140, 0.10), (part_x + side * 0.060, -0.200, 0.13)]
        steps = range(1, 6)
        for step in steps:
            y = -0.07 + (low + 0.07) * step / 5
            wave = 0.018 * identity.hair_wave * math.sin(34 * y + 1.0 + side)
            outer.append((side * (0.201 + extra + wave), y, -0.01))
            inner.insert(0, (side * (0.166 + 0.022 * (step / 5) ** 1.5 + 0.7 * wave), y, 0.05 - 0.03 * step / 5))
        inner.append((seam_x, -0.240, 0.12))
        path = skia.Path()
        extend_path(path, [pose.rim(x * wide, y, z) for x, y, z in outer])
        tip = pose.rim(side * 0.194 * wide, low + 0.05 + drop, 0.0)
        path.quadTo(*pose.rim(side * (0.205 + extra) * wide, low + 0.040, 0.0), *tip)
        inside = [pose.rim(x * wide, y + (drop if y > 0 else 0), z) for x, y, z in inner]
        extend_path(path, [not_past_the_face(pose, point) if point[1] < 0.06 else point for point in inside])
        path.close()
        paths.append(path)
    return paths


def _fringe_ends(pose: Pose) -> list[tuple[float, float]]:
    uneven = np.random.default_rng(pose.identity.seed + 4).normal(0, 0.0045, 15).tolist()
    return [
        (0.152 - 0.304 * index / 14, -0.108 - 0.016 * math.sin(math.pi * index / 14) + bump)
        for index, bump in enumerate(uneven)
    ]


def _fringe(pose: Pose) -> skia.Path:
    """Hair cut straight above the brows."""
    wide = pose.identity.face_width
    top = [
        (-0.155, -0.135),
        (-0.125, -0.215),
        (-0.06, -0.255),
        (0.0, -0.262),
        (0.06, -0.255),
        (0.125, -0.215),
        (0.155, -0.135),
    ]
    path = skia.Path()
    extend_path(path, [pose.at(x * wide, y, 0.01) for x, y in top])
    extend_path(path, [pose.at(x * wide, y, 0.012) for x, y in _fringe_ends(pose)])
    path.close()
    return path


def _draw_fringe_gaps(canvas: skia.Canvas, pose: Pose) -> None:
    wide = pose.identity.face_width
    path = skia.Path()
    for x, y in _fringe_ends(pose)[1:-1]:
        path.moveTo(*pose.at(x * wide, y - 0.03, 0.012))
        path.lineTo(*pose.at(x * wide * 1.01, y + 0.006, 0.012))
    canvas.drawPath(path, stroke(shaded(pose.identity.hair, 0.35), 0.0026, 0.45))

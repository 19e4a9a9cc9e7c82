"""What stays nearly still: the backdrop and the clothed shoulders."""

import skia

from training.painter_identity import Identity
from training.painter_pose import Pose
from training.painter_shapes import Point, fill, gradient, lit, mix, shaded, smooth_path, spot, stroke


def draw_backdrop(canvas: skia.Canvas, identity: Identity) -> None:
    """A smooth gradient with light from one side and a slight vignette."""
    base = identity.backdrop
    start, end = ((0.5, -0.5), (-0.5, 0.5)) if identity.light > 0 else ((-0.5, -0.5), (0.5, 0.5))
    canvas.drawPaint(gradient(start, end, [lit(base, 0.35), base, shaded(base, 0.22)]))
    spot(canvas, (0.16 * identity.light, -0.10), (0.62, 0.62), lit(base, 0.75), 0.45)
    for x in (-0.62, 0.62):
        spot(canvas, (x, 0.55), (0.5, 0.6), shaded(base, 0.6), 0.32)


def draw_body(canvas: skia.Canvas, pose: Pose) -> None:
    """Shoulders in one of three garments."""
    identity, x = pose.identity, pose.body_x
    width = 0.100 * identity.neck_width
    broad = 0.40 + 0.25 * (identity.neck_width - 1)
    deep = {"round": 0.405, "open": 0.475, "collar": 0.435}[identity.clothes_style]
    neck = width * (1.42 if identity.clothes_style == "round" else 1.34)
    half: list[Point] = [
        (neck, 0.348), (neck + 0.06, 0.368), (broad * 0.78, 0.405), (broad, 0.455), (broad + 0.05, 0.58),
    ]  # fmt: skip
    middle: list[Point] = [(-0.62 * neck, deep - 0.018), (0.0, deep), (0.62 * neck, deep - 0.018)]
    if identity.clothes_style != "round":
        middle = [(-0.5 * neck, 0.5 * (deep + 0.35)), (0.0, deep), (0.5 * neck, 0.5 * (deep + 0.35))]
    left = [(x - px, py) for px, py in half[::-1]]
    right = [(x + px, py) for px, py in half]
    path = smooth_path([*left, *((x + px, py) for px, py in middle), *right], tension=0.9)
    cloth = identity.clothes
    bright, dim = lit(cloth, 0.14), shaded(cloth, 0.30)
    ends = [dim, cloth, bright] if identity.light > 0 else [bright, cloth, dim]
    canvas.drawPath(path, fill(shaded(identity.skin, 0.6), 0.5, 0.012))
    canvas.drawPath(path, gradient((x - broad, 0.40), (x + broad, 0.46), ends))
    canvas.save()
    canvas.clipPath(path, doAntiAlias=True)
    for side in (-1, 1):
        spot(canvas, (x + side * 0.16, 0.52), (0.10, 0.10), shaded(cloth, 0.5), 0.30)
        spot(canvas, (x + side * broad * 0.8, 0.43), (0.12, 0.04), lit(cloth, 0.4), 0.20, side * 15)
    spot(canvas, (x + 0.25 * pose.head_x, 0.35), (0.30, 0.075), shaded(cloth, 0.62), 0.55)
    canvas.restore()
    edge = [left[-1], *((x + px, py) for px, py in middle), right[0]]
    if identity.clothes_style == "round":
        canvas.drawPath(smooth_path(edge, closed=False), stroke(mix(cloth, shaded(cloth, 0.4), 0.6), 0.012, 0.7, 0.002))
    elif identity.clothes_style == "collar":
        for side in (-1, 1):
            flap = [
                (x + side * neck * 0.98, 0.335),
                (x + side * (neck + 0.055), 0.385),
                (x + side * 0.085, 0.452),
                (x, deep + 0.008),
            ]
            canvas.drawPath(
                smooth_path(flap, tension=0.35), fill(lit(cloth, 0.22 if side * identity.light > 0 else 0.06))
            )
            canvas.drawPath(
                smooth_path(flap[1:], closed=False, tension=0.35), stroke(shaded(cloth, 0.45), 0.006, 0.45, 0.003)
            )

"""Drawing primitives of the painter: colours as RGB triples in 0 to 1, smooth paths, soft spots and gradients."""

from collections.abc import Sequence
from functools import lru_cache

import skia

Colour = tuple[float, float, float]
Point = tuple[float, float]


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour `share` of the way from the first to the second."""
    return (
        first[0] + (second[0] - first[0]) * share,
        first[1] + (second[1] - first[1]) * share,
        first[2] + (second[2] - first[2]) * share,
    )


def shaded(colour: Colour, depth: float) -> Colour:
    """A darker, warmer version: skin and hair in shadow lose blue first and red last, greys hardly change hue."""
    warmth = min(1.0, 4.0 * (max(colour) - min(colour)) / (max(colour) + 0.05))
    return (
        colour[0] * max(0.0, 1 - (0.94 - 0.22 * warmth) * depth),
        colour[1] * max(0.0, 1 - (0.96 + 0.04 * warmth) * depth),
        colour[2] * max(0.0, 1 - (0.94 + 0.11 * warmth) * depth),
    )


def lit(colour: Colour, strength: float) -> Colour:
    """A lighter version under warm light."""
    return mix(colour, (1.0, 0.965, 0.9), strength)


def gloss(colour: Colour) -> float:
    """How much of a highlight a skin takes: bright spots stand out more on a dark one, so it takes less."""
    return 0.4 + 0.6 * (0.3 * colour[0] + 0.6 * colour[1] + 0.1 * colour[2])


def hex_colour(text: str) -> Colour:
    """'#RRGGBB' as a triple."""
    return (int(text[1:3], 16) / 255, int(text[3:5], 16) / 255, int(text[5:7], 16) / 255)


@lru_cache(maxsize=8192)
def to_skia(colour: Colour, alpha: float = 1.0) -> int:
    """Skia's packed colour."""
    red, green, blue = (min(255, max(0, round(channel * 255))) for channel in colour)
    return int(skia.Color(red, green, blue, min(255, max(0, round(alpha * 255)))))


def smooth_path(points: Sequence[Point], closed: bool = True, tension: float = 1.0) -> skia.Path:
    """A Catmull-Rom curve through the points."""
    path = skia.Path()
    extend_path(path, points, closed, tension)
    if closed:
        path.close()
    return path


def extend_path(path: skia.Path, points: Sequence[Point], closed: bool = False, tension: float = 1.0) -> None:
    """Append a Catmull-Rom curve; an empty path starts at the first point, another is joined to it by a line."""
    num_points = len(points)
    if path.isEmpty():
        path.moveTo(*points[0])
    else:
        path.lineTo(*points[0])
    factor = tension / 6
    for index in range(num_points if closed else num_points - 1):
        here = points[index]
        there = points[(index + 1) % num_points]
        before = points[index - 1] if closed or index > 0 else here
        after = points[(index + 2) % num_points] if closed or index + 2 < num_points else there
        path.cubicTo(
            here[0] + (there[0] - before[0]) * factor,
            here[1] + (there[1] - before[1]) * factor,
            there[0] - (after[0] - here[0]) * factor,
            there[1] - (after[1] - here[1]) * factor,
            there[0],
            there[1],
        )


def fill(colour: Colour, alpha: float = 1.0, blur: float = 0.0) -> skia.Paint:
    """A paint that fills; `blur` is the softness of the edge in units of the picture's height."""
    paint = skia.Paint(AntiAlias=True, Color=to_skia(colour, alpha))
    if blur > 0:
        paint.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, blur))
    return paint


def stroke(colour: Colour, width: float, alpha: float = 1.0, blur: float = 0.0) -> skia.Paint:
    """A paint that draws lines with round ends."""
    paint = fill(colour, alpha, blur)
    paint.setStyle(skia.Paint.kStroke_Style)
    paint.setStrokeWidth(width)
    paint.setStrokeCap(skia.Paint.kRound_Cap)
    paint.setStrokeJoin(skia.Paint.kRound_Join)
    return paint


def gradient(start: Point, end: Point, colours: Sequence[Colour], stops: Sequence[float] | None = None) -> skia.Paint:
    """A paint that fills with a linear gradient from start to end."""
    shader = skia.GradientShader.MakeLinear(
        points=[skia.Point(*start), skia.Point(*end)],
        colors=[to_skia(colour) for colour in colours],
        positions=list(stops) if stops is not None else None,
    )
    return skia.Paint(AntiAlias=True, Shader=shader)


@lru_cache(maxsize=512)
def _spot_paint(colour: int, clear: int, half: int) -> skia.Paint:
    shader = skia.GradientShader.MakeRadial(
        center=skia.Point(0, 0), radius=1.0, colors=[colour, half, clear], positions=[0.0, 0.5, 1.0]
    )
    return skia.Paint(AntiAlias=True, Shader=shader)


def spot(
    canvas: skia.Canvas, centre: Point, radii: Point, colour: Colour, alpha: float, turn_degrees: float = 0.0
) -> None:
    """A soft elliptic spot, strongest in the middle and clear at its rim."""
    if alpha <= 0.004 or radii[0] <= 0 or radii[1] <= 0:
        return
    paint = _spot_paint(to_skia(colour, alpha), to_skia(colour, 0), to_skia(colour, alpha * 0.5))
    canvas.save()
    canvas.translate(*centre)
    if turn_degrees:
        canvas.rotate(turn_degrees)
    canvas.scale(*radii)
    canvas.drawCircle(0, 0, 1, paint)
    canvas.restore()

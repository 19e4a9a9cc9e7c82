"""A face's skin as a picture: a sculpted relief under a light, with blush, pores, freckles, stubble and wrinkles.

In:  an Identity. Out: a picture over the face's plane, laid over the moving face by painter_face.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import skia
from numpy.typing import NDArray

from training.painter_identity import Identity
from training.painter_noise import cut, hair_tile, noise_tile
from training.painter_shapes import mix, shaded

HALF_WIDTH, TOP, BOTTOM = 0.232, -0.335, 0.335  # what the picture covers, in picture heights about the face's middle
_COARSE_PX = 128.0  # pixels of the relief in a picture height; light is smooth
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class SkinPicture:
    """image: RGBA over the plane; scale_px: its pixels in a picture height."""

    image: skia.Image
    scale_px: float


def _axis(low: float, high: float, scale_px: float) -> Floats:
    num = round((high - low) * scale_px)
    return ((np.arange(num) + 0.5) / scale_px + low).astype(np.float32)


def _hills(x: Floats, y: Floats, rows: list[tuple[float, float, float, float, float]]) -> Floats:
    """A sum of Gaussian hills (height, x, y, x spread, y spread), mirrored where x is not 0."""
    both = rows + [(h, -cx, cy, sx, sy) for h, cx, cy, sx, sy in rows if cx]
    height, cx, cy, sx, sy = np.array(both, np.float32).T[:, :, None]
    across = np.exp(-0.5 * ((x[None] - cx) / sx) ** 2)
    down = height * np.exp(-0.5 * ((y[None] - cy) / sy) ** 2)
    hills: Floats = down.T @ across
    return hills


def relief(identity: Identity, x: Floats, y: Floats) -> Floats:
    """How far nose, brows, cheeks and chin stand out of the face's round: [len(y), len(x)] picture heights."""
    wide, nose, bone = identity.nose_width, identity.nose_length, identity.cheekbones
    tip = -0.042 + 0.084 * nose
    eye = 0.0785 * identity.eye_spacing * identity.face_width
    jaw = identity.jaw_width
    return _hills(
        x,
        y,
        [
            (0.006 + 0.006 * identity.brow_ridge, 0.064, -0.088, 0.036, 0.016),
            (0.006 * identity.brow_ridge, 0.0, -0.085, 0.03, 0.016),
            (-0.017, eye, -0.046, 0.031, 0.021),
            (-0.008, eye * 0.62, -0.048, 0.014, 0.022),
            (0.008 * identity.nose_bridge, 0.0, -0.055, 0.0155, 0.026),
            (0.018 * identity.nose_bridge, 0.0, -0.010, 0.0155 * wide, 0.030),
            (0.027, 0.0, tip - 0.012, 0.0180 * wide, 0.022),
            (0.019, 0.0, tip + 0.000, 0.0160 * wide, 0.0120),
            (0.021, 0.0245 * wide, tip + 0.006, 0.0078 * wide, 0.0100),
            (-0.006, 0.0360 * wide, tip + 0.002, 0.0060, 0.0140),
            (0.013 * bone, 0.108, 0.006, 0.034, 0.026),
            (0.012, 0.080, 0.052, 0.036, 0.034),
            (-0.005, 0.052, 0.088, 0.010, 0.022),
            (0.014, 0.0, 0.118, 0.046, 0.030),
            (-0.0035, 0.0, 0.090, 0.0052, 0.014),
            (0.0020, 0.010, 0.092, 0.0045, 0.014),
            (-0.010, 0.0, 0.176, 0.040, 0.0105),
            (0.017, 0.0, 0.216, 0.036 * identity.chin_width, 0.024),
            (-0.010 * bone, 0.128 * jaw, 0.105, 0.030, 0.045),
            (-0.006, 0.160, -0.110, 0.024, 0.050),
            (0.006, 0.0, -0.185, 0.090, 0.045),
            (0.004, 0.070, -0.150, 0.040, 0.030),
        ],
    )


def round_of_face(identity: Identity, x: Floats, y: Floats) -> Floats:
    """The face's round without its features: [len(y), len(x)]."""
    width = 0.222 * identity.face_width
    inside = 1 - (x[None] / width) ** 2 - ((y[:, None] + 0.02) / 0.40) ** 2
    # Past the edge the round goes on falling, or the rim would be lit like a plane.
    return (0.165 * np.sqrt(np.maximum(inside, 0.02)) + 0.10 * np.minimum(inside - 0.02, 0)).astype(np.float32)


def _light(identity: Identity, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Brightness of a white matte face about 1, and how much of a gleam is on it; both at the relief's grain."""
    height = round_of_face(identity, x, y) + relief(identity, x, y)
    slope_y, slope_x = np.gradient(height * _COARSE_PX)
    length = 1 / np.sqrt(1 + slope_x**2 + slope_y**2)
    normal = np.stack([-slope_x, -slope_y, np.ones_like(length)]) * length

    def towards(lx: float, ly: float, lz: float) -> Floats:
        vector = np.array([lx, ly, lz], np.float32)
        return np.tensordot(vector / np.linalg.norm(vector), normal, 1)

    side, hard = identity.light, identity.light_hardness
    key = np.clip((towards(0.85 * side, -0.50, 0.62) + 0.22) / 1.22, 0, None)
    fill = np.clip(towards(-0.6 * side, 0.05, 0.8), 0, None)
    sky = 0.5 - 0.5 * normal[1]
    hollow = cv2.GaussianBlur(height, (0, 0), 5.0) - height
    ao = 1 - np.clip(hollow * 14, -0.14, 0.40)
    bright = (0.24 + 0.16 * (1 - hard)) + (0.42 + 0.22 * hard) * key + (0.34 - 0.18 * hard) * fill
    bright = bright + 0.10 * (sky - 0.5)
    rim = np.clip(1 - normal[2], 0, 1) ** 2.2 * np.clip(-np.sign(side) * normal[0], 0, 1) * identity.rim_light
    half = towards(0.45 * side, -0.36, 0.95)
    gleam = np.clip(half, 0, 1) ** 26 + 0.35 * np.clip(half, 0, 1) ** 7
    bright = bright * ao
    # The brightest parts show the skin's own colour: how bright a lamp is must not bleach a fair face.
    bright = bright / np.percentile(bright, 86)
    bright = np.where(bright > 1, 1 + 0.45 * (bright - 1), bright)
    return bright.astype(np.float32), (gleam * ao * 0.5 + 0.9 * rim).astype(np.float32)


def _tint(identity: Identity, x: Floats, y: Floats, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Shares [rows, columns] of redness and of the shadow under the eyes."""
    flush = 0.20 + 0.6 * identity.blush
    red = _hills(
        x,
        y,
        [
            (flush * 0.75, 0.098, 0.040, 0.036, 0.030),
            (0.34, 0.0, 0.044, 0.020, 0.016),
            (0.16, 0.0, 0.215, 0.03, 0.02),
            (0.20, 0.178, 0.0, 0.02, 0.06),
            (0.12, 0.055, -0.066, 0.035, 0.012),
        ],
    )
    red += 0.03 * cv2.resize(
        cut(noise_tile(24.0), (64, 64), generator), (len(x), len(y)), interpolation=cv2.INTER_LINEAR
    )
    tired = _hills(
        x, y, [(0.26 + 0.5 * identity.age, 0.064, -0.014, 0.024, 0.0095), (0.22, 0.040, -0.045, 0.012, 0.02)]
    )
    return red, tired


def _beard_share(x: Floats, y: Floats) -> Floats:
    """Where a beard grows: 1 on jaw, chin and lip, 0 on cheeks and between nose and brow."""
    across = np.abs(x)[None]
    down = y[:, None]
    edge = 0.060 + 0.052 * np.sin(np.clip((0.168 - across) / 0.110, 0, 1) * np.pi * 0.62) ** 2
    edge = np.where(across > 0.166, 0.060 - 2.4 * (across - 0.166), edge)
    jaw = np.clip((down - edge) / 0.022, 0, 1)
    bare = np.clip((1.25 - np.hypot(across / 0.060, (down - 0.138) / 0.031)) / 0.35, 0, 1)
    lip = np.exp(-0.5 * ((down - 0.091 - 4.2 * across**2) / 0.0105) ** 2) * np.clip((0.082 - across) / 0.014, 0, 1)
    tuft = np.exp(-0.5 * ((down - 0.170) / 0.010) ** 2) * np.exp(-0.5 * (across / 0.012) ** 2)
    # Between moustache and cheek, beside the nose, nothing grows.
    cheek = np.clip((down - 0.112 + np.clip(across - 0.07, 0, 1) * 0.9) / 0.014, 0, 1)
    share: Floats = np.clip(np.maximum(jaw * cheek * (1 - bare), np.maximum(1.2 * lip, 0.8 * tuft)), 0, 1)
    return share.astype(np.float32)


def _matte(identity: Identity, bright: Floats, red: Floats, tired: Floats) -> Floats:
    """The skin's colours under the light, without gleam or grain: [rows, columns, 3]."""
    depth = np.clip(bright, 0.02, 1.35)
    # Light that went through skin is red, so shadows lose blue first.
    planes = [colour * np.power(depth, power) for colour, power in zip(identity.skin, (0.80, 1.04, 1.14), strict=True)]
    flush = mix(identity.skin, (0.80, 0.22, 0.20), 0.62)
    dusk = mix(shaded(identity.skin, 0.45), (0.36, 0.22, 0.34), 0.25)
    red_share, tired_share = np.clip(red, 0, 0.75), np.clip(0.55 * tired, 0, 0.6)
    for plane, warm, dark in zip(planes, flush, dusk, strict=True):
        plane += (warm * np.minimum(depth, 1.1) - plane) * red_share
        plane += (dark - plane) * tired_share
    return np.dstack(planes).astype(np.float32)


@lru_cache(maxsize=24)
def skin_picture(identity: Identity, picture_px: int) -> SkinPicture:
    """The skin of a face for pictures of `picture_px`; kept for the people painted last."""
    generator = np.random.default_rng(identity.seed)
    scale_px = max(60.0, 1.25 * identity.zoom * picture_px)
    wide = HALF_WIDTH * identity.face_width
    coarse_x, coarse_y = _axis(-wide, wide, _COARSE_PX), _axis(TOP, BOTTOM, _COARSE_PX)
    x, y = _axis(-wide, wide, scale_px), _axis(TOP, BOTTOM, scale_px)
    size, shape = (len(x), len(y)), (len(y), len(x))
    bright, gleam = _light(identity, coarse_x, coarse_y)
    red, tired = _tint(identity, coarse_x, coarse_y, generator)
    matte = _matte(identity, bright, red, tired)
    picture = np.asarray(cv2.resize(matte, size, interpolation=cv2.INTER_CUBIC), np.float32)
    gleam = np.asarray(cv2.resize(gleam, size, interpolation=cv2.INTER_LINEAR), np.float32)
    # Pores and blotches: what a photograph of skin has and a drawing lacks.
    rough = identity.skin_texture
    pores = cut(noise_tile(1.0), shape, generator) * 0.4 + cut(noise_tile(2.6), shape, generator) * 0.6
    grain = 1 + rough * (0.040 * pores + 0.007 * cut(noise_tile(9.0), shape, generator))
    grain *= 1 - _wrinkles(identity, size, scale_px)
    picture *= grain[..., None]
    if identity.freckles > 0:
        red = np.asarray(cv2.resize(red, size, interpolation=cv2.INTER_LINEAR), np.float32)
        spots = np.clip(cut(noise_tile(4.5), shape, generator) - 1.25, 0, 1) * np.clip(red * 2.4 + 0.12, 0, 1)
        dots = np.array(mix(shaded(identity.skin, 0.5), (0.5, 0.28, 0.16), 0.4), np.float32)
        picture += (dots - picture) * np.clip(identity.freckles * spots, 0, 0.75)[..., None]
    gleam *= (1 + 0.30 * rough * pores) * (identity.gloss * (0.19 + 0.02 * sum(identity.skin)))
    picture += np.asarray(cv2.merge([gleam, 0.96 * gleam, 0.90 * gleam]), np.float32)
    if identity.beard > 0:
        depth = np.asarray(cv2.resize(bright, size, interpolation=cv2.INTER_LINEAR), np.float32)
        picture = _bearded(picture, identity, x, y, depth, generator)
    rgba = cv2.cvtColor(cv2.convertScaleAbs(np.maximum(picture, 0), alpha=255), cv2.COLOR_RGB2RGBA)
    return SkinPicture(skia.Image.fromarray(rgba, skia.kRGBA_8888_ColorType, copy=True), scale_px)


def _bearded(
    picture: Floats, identity: Identity, x: Floats, y: Floats, depth: Floats, generator: np.random.Generator
) -> Floats:
    """The skin under stubble or a full beard, hair by hair."""
    share = _beard_share(x / identity.face_width, y)
    full = np.float32(np.clip((identity.beard - 0.3) / 0.35, 0, 1))
    specks = cut(noise_tile(1.0), share.shape, generator) * 0.6 + cut(noise_tile(2.6), share.shape, generator) * 0.5
    hairs = full * cut(hair_tile(False), share.shape, generator) + (1 - full) * specks
    cover = share * ((0.34 + 0.35 * identity.beard + 0.75 * full) + (0.16 - 0.06 * full) * hairs)
    cover = np.clip(cover, 0, 1) * np.float32(np.clip(0.30 + identity.beard * 1.2, 0, 0.97))
    light = np.clip(np.clip(depth, 0.25, 1.2) * (1.0 + 0.17 * full * hairs) + 0.05, 0.2, 1.7)
    colour = mix(shaded(identity.hair, 0.22), identity.skin, float(0.12 * (1 - full)))
    planes = [plane + (c * light - plane) * cover for c, plane in zip(colour, cv2.split(picture), strict=True)]
    return np.asarray(cv2.merge([plane.astype(np.float32) for plane in planes]), np.float32)


def _wrinkles(identity: Identity, size: tuple[int, int], scale_px: float) -> Floats:
    """Shade [rows, columns] of the lines that age draws, about 0 in the young."""
    lines = np.zeros((size[1], size[0]), np.float32)
    age = identity.age
    if age < 0.35:
        return lines
    wide = HALF_WIDTH * identity.face_width
    depth = min(1.0, (age - 0.3) / 0.5)

    def draw(points: list[tuple[float, float]], strength: float, width: float) -> None:
        rows = (np.array([((px + wide) * scale_px, (py - TOP) * scale_px) for px, py in points]) * 16).astype(np.int32)
        cv2.polylines(lines, [rows], False, strength * depth, max(1, round(width * scale_px)), cv2.LINE_AA, 4)

    for height in (-0.145, -0.163, -0.182):
        draw([(v * 0.075, height - 0.007 * (1 - v * v)) for v in np.linspace(-1, 1, 9)], 0.30, 0.004)
    for side in (-1, 1):
        for lean in (-0.4, 0.0, 0.4):
            draw(
                [(side * (0.128 + 0.024 * v), -0.042 + lean * (0.010 + 0.026 * v)) for v in (0.0, 0.5, 1.0)],
                0.30,
                0.003,
            )
        draw(
            [(side * (0.047 + 0.040 * v), -0.010 + 0.010 * np.sin(v * 2.6)) for v in np.linspace(0, 1, 7)], 0.30, 0.004
        )
        draw([(side * (0.038 + 0.040 * v), 0.055 + 0.075 * v**1.4) for v in np.linspace(0, 1, 7)], 0.32, 0.007)
        draw([(side * (0.074 + 0.006 * v), 0.150 + 0.040 * v) for v in (0.0, 0.5, 1.0)], 0.15, 0.008)
    return np.asarray(cv2.GaussianBlur(lines, (0, 0), max(0.6, 0.0030 * scale_px)), np.float32)

"""Paints illustrated portraits of a person in a motion; what the embedded avatar learns from.

In: an Identity and motion [15] in the units of training.motion_names. Out: an RGB picture.
"""

import numpy as np
import skia
from numpy.typing import NDArray

from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES
from training.painter_body import draw_backdrop, draw_body
from training.painter_eyes import brow_points, draw_eyes, draw_glasses, eye_shape
from training.painter_face import draw_ears, draw_face, draw_neck, face_points
from training.painter_hair import draw_back_hair, draw_front_hair
from training.painter_identity import CAST, Identity, random_identity
from training.painter_mouth import draw_mouth, mouth_shape
from training.painter_pose import NECK_PIVOT_Y, Motion, Pose
from training.painter_shapes import Point

__all__ = ["CAST", "Identity", "mouth_and_eye_boxes", "paint", "portrait_motion", "random_identity", "random_motion"]

Box = tuple[int, int, int, int]
_INDEX = {name: index for index, name in enumerate(MOTION_NAMES)}


def paint(identity: Identity, motion: NDArray[np.float32], size_px: int = 256) -> NDArray[np.uint8]:
    """A portrait [size_px, size_px, 3] uint8 RGB; the same arguments give the same picture. motion: [15] float32."""
    pose = Pose(identity, Motion.of(motion))
    pixels = np.zeros((size_px, size_px, 4), np.uint8)
    canvas = skia.Surface(pixels).getCanvas()
    canvas.scale(size_px, size_px)
    canvas.save()
    canvas.translate(0.5, 0.5)
    draw_backdrop(canvas, identity)
    canvas.restore()
    canvas.translate(*pose.centre)
    canvas.scale(pose.scale, pose.scale)
    canvas.save()
    _roll(canvas, pose)
    draw_back_hair(canvas, pose, size_px)
    canvas.restore()
    draw_neck(canvas, pose)
    draw_body(canvas, pose)
    _roll(canvas, pose)
    draw_ears(canvas, pose)
    draw_face(canvas, pose, size_px)
    draw_mouth(canvas, pose)
    draw_eyes(canvas, pose)
    draw_front_hair(canvas, pose, size_px)
    if identity.has_glasses:
        draw_glasses(canvas, pose)
    return np.ascontiguousarray(pixels[..., :3])


def _roll(canvas: skia.Canvas, pose: Pose) -> None:
    canvas.rotate(float(np.degrees(pose.motion.roll)), pose.body_x, NECK_PIVOT_Y)


def mouth_and_eye_boxes(identity: Identity, motion: NDArray[np.float32], size_px: int) -> tuple[Box, Box, Box]:
    """Boxes (x0, y0, x1, y1) in pixels, ends excluded: mouth with chin, the picture's left eye with brow, the right."""
    pose = Pose(identity, Motion.of(motion))
    mouth = mouth_shape(pose)
    chin = face_points(pose)[6:11]
    points = [*mouth.upper_outer, *mouth.lower_outer, *chin[1:4]]
    boxes = [_box(pose, points, 0.022, size_px)]
    for side in (-1, 1):
        eye = eye_shape(pose, side)
        brow = [pose.at(x, y, 0.006) for x, y, _ in brow_points(pose, side)]
        boxes.append(_box(pose, [*eye.upper, *eye.lower, *eye.crease, *brow], 0.020, size_px))
    return boxes[0], boxes[1], boxes[2]


def _box(pose: Pose, points: list[Point], margin: float, size_px: int) -> Box:
    places = pose.picture(np.array([pose.rolled(point) for point in points])) * size_px
    low = np.clip(np.floor(places.min(0) - margin * size_px), 0, size_px - 1).astype(int)
    high = np.clip(np.ceil(places.max(0) + margin * size_px), low + 1, size_px).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def portrait_motion() -> NDArray[np.float32]:
    """The motion in which the cast's portraits are taken: neutral with a slight smile."""
    motion = np.zeros(len(MOTION_NAMES), np.float32)
    motion[_INDEX["smile"]] = 0.45
    return motion


def random_motion(generator: np.random.Generator) -> NDArray[np.float32]:
    """motion [15] float32 over the whole range, most of it plausible faces, some neutral, some at the ends."""
    motion = np.zeros(len(MOTION_NAMES), np.float32)

    def put(name: str, value: float) -> None:
        motion[_INDEX[name]] = value

    if generator.random() < 0.04:
        return motion
    is_extreme = generator.random() < 0.1
    for name, spread in (("yaw", 0.24), ("pitch", 0.14), ("roll", 0.12)):
        put(
            name,
            generator.uniform(LOWEST[_INDEX[name]], HIGHEST[_INDEX[name]])
            if is_extreme
            else generator.normal() * spread,
        )
    put("jaw", generator.beta(0.8, 1.5))
    put("lip_width", generator.normal() * 0.45)
    put("smile", generator.normal() * 0.45 + 0.1)
    kind = generator.random()
    if kind < 0.22:
        put("lip_rounding", generator.beta(1.5, 1.0))
        put("lip_width", -abs(generator.normal()) * 0.3)
        put("jaw", generator.beta(1.0, 2.2))
    elif kind < 0.38:
        put("lip_closing", generator.beta(2.0, 0.8))
    elif kind < 0.48:
        put("lip_tuck", generator.beta(2.0, 0.8))
        put("jaw", generator.beta(1.0, 3.0))
    elif kind < 0.60:
        put("jaw", 0.0)
    elif kind < 0.66:
        for name in ("jaw", "lip_rounding", "lip_closing", "lip_tuck"):
            put(name, generator.random())
        put("lip_width", generator.uniform(-1, 1))
    eyes = generator.random()
    if eyes < 0.15:
        put("blink", 1.0)
    elif eyes < 0.45:
        put("blink", generator.uniform(-0.4, 1.0))
    else:
        put("blink", generator.normal() * 0.08)
    put("gaze_x", generator.normal() * 0.42)
    put("gaze_y", generator.normal() * 0.33)
    put("brow_raise", generator.normal() * 0.42)
    put("brow_furrow", generator.normal() * 0.36)
    if generator.random() < 0.15:
        put("sneer", generator.beta(1.6, 0.9))
    return np.clip(motion, LOWEST, HIGHEST)

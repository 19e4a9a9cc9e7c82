"""Paints illustrated portraits of a person in a motion; what the embedded avatar learns from.

In: an Identity and motion [15] in the units of training.motion_names. Out: an RGB picture.
"""

import numpy as np
import skia
from numpy.typing import NDArray

from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES
from training.painter_backdrop import backdrop_picture
from training.painter_body import draw_body
from training.painter_cast import CAST
from training.painter_eyes import brow_points, draw_eyes, draw_glasses, eye_shape
from training.painter_face import draw_ears, draw_face, draw_neck, face_points
from training.painter_hair import draw_back_hair, draw_front_hair
from training.painter_identity import Identity, random_identity
from training.painter_mouth import draw_mouth, mouth_shape
from training.painter_pose import NECK_PIVOT_Y, Pose, pose_of
from training.painter_shapes import Point

__all__ = ["CAST", "Identity", "mouth_and_eye_boxes", "paint", "portrait_motion", "random_identity", "random_motion"]

Box = tuple[int, int, int, int]
_INDEX = {name: index for index, name in enumerate(MOTION_NAMES)}


def paint(identity: Identity, motion: NDArray[np.float32], size_px: int = 256) -> NDArray[np.uint8]:
    """A portrait [size_px, size_px, 3] uint8 RGB; the same arguments give the same picture. motion: [15] float32."""
    pose = pose_of(identity, motion)
    pixels = backdrop_picture(identity, size_px).copy()
    canvas = skia.Surface(pixels).getCanvas()

    def to_face(with_roll: bool) -> None:
        canvas.save()
        canvas.scale(size_px, size_px)
        canvas.translate(*pose.centre)
        canvas.scale(pose.scale, pose.scale)
        if with_roll:
            canvas.rotate(float(np.degrees(pose.motion.roll)), pose.body_x, NECK_PIVOT_Y)

    to_face(with_roll=True)
    draw_back_hair(canvas, pose, size_px)
    canvas.restore()
    to_face(with_roll=False)
    draw_neck(canvas, pose)
    canvas.restore()
    draw_body(canvas, pose, size_px)
    to_face(with_roll=True)
    draw_ears(canvas, pose)
    draw_face(canvas, pose, size_px)
    draw_mouth(canvas, pose)
    draw_eyes(canvas, pose)
    draw_front_hair(canvas, pose, size_px)
    if identity.has_glasses:
        draw_glasses(canvas, pose)
    return np.ascontiguousarray(pixels[..., :3])


def mouth_and_eye_boxes(identity: Identity, motion: NDArray[np.float32], size_px: int) -> tuple[Box, Box, Box]:
    """Boxes (x0, y0, x1, y1) in pixels, ends excluded: mouth with chin, the picture's left eye with brow, the right."""
    pose = pose_of(identity, motion)
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
    """motion [15] float32: mostly talking faces, then single features at their ends, some neutral, some anything."""
    motion = np.zeros(len(MOTION_NAMES), np.float32)
    kind = generator.random()
    if kind < 0.03:
        return motion
    for name, spread in (("yaw", 0.24), ("pitch", 0.14), ("roll", 0.12)):
        index = _INDEX[name]
        is_extreme = generator.random() < 0.07
        motion[index] = generator.uniform(LOWEST[index], HIGHEST[index]) if is_extreme else generator.normal() * spread
    _move_mouth(motion, generator)
    _move_eyes(motion, generator)
    if kind < 0.35:
        _exaggerate(motion, generator)
    elif kind < 0.40:
        for index in range(_INDEX["jaw"], len(MOTION_NAMES)):
            motion[index] = generator.uniform(LOWEST[index], HIGHEST[index])
    return np.clip(motion, LOWEST, HIGHEST)


def _move_mouth(motion: NDArray[np.float32], generator: np.random.Generator) -> None:
    """Shapes of speech, smiling a little on the whole."""

    def put(name: str, value: float) -> None:
        motion[_INDEX[name]] = value

    put("jaw", generator.beta(0.8, 1.7))
    put("lip_width", generator.normal() * 0.42)
    put("smile", generator.normal() * 0.40 + 0.1)
    shape = generator.random()
    if shape < 0.22:
        put("lip_rounding", generator.beta(1.5, 1.0))
        put("lip_width", -abs(generator.normal()) * 0.3)
        put("jaw", generator.beta(1.0, 2.2))
    elif shape < 0.38:
        put("lip_closing", generator.beta(2.0, 0.8))
    elif shape < 0.50:
        put("lip_tuck", generator.beta(2.0, 0.7))
        put("jaw", generator.beta(1.0, 3.0))
    elif shape < 0.62:
        put("jaw", 0.0)
    if generator.random() < 0.08:
        put("sneer", generator.beta(1.2, 1.6))


def _move_eyes(motion: NDArray[np.float32], generator: np.random.Generator) -> None:
    """Lids mostly open, gaze mostly near the camera, brows that live a little."""

    def put(name: str, value: float) -> None:
        motion[_INDEX[name]] = value

    lids = generator.random()
    put("blink", 1.0 if lids < 0.13 else generator.uniform(-0.4, 1.0) if lids < 0.38 else generator.normal() * 0.08)
    put("gaze_x", generator.normal() * 0.36)
    put("gaze_y", generator.normal() * 0.28)
    put("brow_raise", generator.normal() * 0.36)
    put("brow_furrow", generator.normal() * 0.32)


_STRONG = ("blink", "brow_furrow", "brow_raise", "sneer", "smile", "lip_tuck", "gaze_x", "gaze_y", "lip_width")


def _exaggerate(motion: NDArray[np.float32], generator: np.random.Generator) -> None:
    """One to three features near an end of their range and the rest of the face calm, so that each is seen alone."""
    motion[_INDEX["jaw"] :] *= np.float32(generator.uniform(0.1, 0.6))
    for name in generator.choice(_STRONG, size=int(generator.integers(1, 4)), replace=False):
        index = _INDEX[str(name)]
        end = LOWEST[index] if LOWEST[index] < 0 and generator.random() < 0.4 else HIGHEST[index]
        motion[index] = end * generator.uniform(0.65, 1.0)

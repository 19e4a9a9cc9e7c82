"""Painted frames with everything known of them: what the readers of evaluation learn from, and are checked on.

In: who, and a seed. Out: crops of mouth, eyes and face, the true motion, the opening, the mood and the person.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from contract.packets import Float32Array, UInt8Array
from contract.spec import EMOTIONS
from evaluation.face_crops import CROPS, Framing, crops_of
from evaluation.held_out import babble
from training.motion_names import MOTION_NAMES
from training.painter import Identity, paint, random_identity, random_motion
from training.painter_landmarks import landmarks, mouth_opening

NO_MOOD = -1
_HEAD = [MOTION_NAMES.index(name) for name in ("yaw", "pitch", "roll")]
_CLIP_FRAMES = 100
_WILD_SHARE = 0.4


@dataclass(frozen=True, eq=False)
class PaintedFaces:
    """Crops [n, height, width, 3] uint8 with their truth.

    motion: [n, num_motions] float32 in the painter's units
    opening: [n] float32, the gap between the lips in hundredths of the framed face's height
    mood: [n] index into EMOTIONS, -1 where the motion is nobody's mood
    person: [n] number of the person
    """

    mouth: UInt8Array
    eyes: UInt8Array
    face: UInt8Array
    motion: Float32Array
    opening: Float32Array
    mood: NDArray[np.int64]
    person: NDArray[np.int64]


@dataclass(frozen=True)
class Crowd:
    """Whom to paint: `num_people` persons from number `first`, `num_frames` of each."""

    seed: int
    first: int
    num_people: int
    num_frames: int


def true_opening(identity: Identity, motion: Float32Array) -> float:
    """The gap between the middles of the lips in hundredths of the framed face's height."""
    outline = mouth_opening(landmarks(identity, motion))
    half = len(outline) // 2
    gap = float(outline[half + half // 2, 1] - outline[half // 2, 1])
    return 100 * gap / Framing.of(identity).zoom


def paint_crowd(crowd: Crowd) -> PaintedFaces:
    """Paint the frames of some people: most in a mood and talking, the others in any motion."""
    moods = _mood_pool(np.random.default_rng([crowd.seed, 0, crowd.first]))
    rows = [row for number in range(crowd.num_people) for row in _one_person(crowd, crowd.first + number, moods)]
    crops = {name: np.stack([row[name] for row in rows]) for name in CROPS}
    return PaintedFaces(
        **crops,
        motion=np.stack([row["motion"] for row in rows]).astype(np.float32),
        opening=np.array([row["opening"] for row in rows], np.float32),
        mood=np.array([row["mood"] for row in rows], np.int64),
        person=np.array([row["person"] for row in rows], np.int64),
    )


def paint_crowds(crowds: list[Crowd], num_processes: int) -> PaintedFaces:
    """Paint several crowds beside each other and put them in one."""
    if num_processes == 1:
        parts = [paint_crowd(crowd) for crowd in crowds]
    else:
        # Not forked: a forked copy of a process with threads may die at any allocation.
        with ProcessPoolExecutor(num_processes, get_context("spawn")) as pool:
            parts = list(pool.map(partial(paint_crowd), crowds))
    names = [each.name for each in fields(PaintedFaces)]
    return PaintedFaces(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _mood_pool(generator: np.random.Generator) -> list[tuple[int, Float32Array]]:
    """A few clips of nonsense in each mood."""
    return [(mood, babble(_CLIP_FRAMES, mood, generator).motion) for _ in range(4) for mood in range(len(EMOTIONS))]


def _one_person(crowd: Crowd, number: int, moods: list[tuple[int, Float32Array]]) -> Iterator[dict]:
    generator = np.random.default_rng([crowd.seed, 1, number])
    identity = random_identity(generator)
    for _ in range(crowd.num_frames):
        if generator.random() < _WILD_SHARE:
            mood, motion = NO_MOOD, random_motion(generator)
            motion[_HEAD] *= np.float32(0.5)
        else:
            mood, clip = moods[int(generator.integers(len(moods)))]
            motion = clip[int(generator.integers(len(clip)))]
        crops = crops_of(paint(identity, motion, 256), Framing.of(identity))
        yield {**crops, "motion": motion, "opening": true_opening(identity, motion), "mood": mood, "person": number}

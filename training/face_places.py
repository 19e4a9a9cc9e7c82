"""Where the anchors of people without end lie in many motions: what tells of anchors learns from, without a picture.

In:  a seed
Out: places and motions of each person, and by how much a reader misreads faces
"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from models.face_reader import FaceReader
from training.motion_names import to_coefficients
from training.painted_frames import driving_motion, portrait_like_motion, to_unit
from training.painted_readings import shape_of
from training.painter import paint, random_identity
from training.painter_anchors import anchors
from training.painter_camera import photographed, random_look

NUM_PORTRAITS = 8  # of a person's motions those in which people have their picture taken
NUM_MOTIONS = 22
NUM_MISREAD = 3  # of a person, beside the portrait
_PHOTOGRAPHED_SHARE = 0.4
_PEOPLE_A_TASK = 250

Floats = NDArray[np.float32]


class FacePlaces(NamedTuple):
    """People in `NUM_MOTIONS` motions each, the first `NUM_PORTRAITS` as portraits are.

    places: [people, NUM_MOTIONS, NUM_ANCHORS, 2] float32, 0 to 1; motion: [people, NUM_MOTIONS, 15] float32
    """

    places: Floats
    motion: Floats


def make_places(num_people: int, seed: int, num_processes: int = 1) -> FacePlaces:
    """Place the anchors of so many people, in their own processes; the same for any number of processes."""
    counts = [min(_PEOPLE_A_TASK, num_people - first) for first in range(0, num_people, _PEOPLE_A_TASK)]
    place = partial(_place_people, seed)
    if num_processes == 1:
        parts = [place(task, count) for task, count in enumerate(counts)]
    else:
        with ProcessPoolExecutor(num_processes, get_context("spawn")) as pool:
            parts = list(pool.map(place, range(len(counts)), counts))
    return FacePlaces(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _place_people(seed: int, task: int, count: int) -> FacePlaces:
    generator = np.random.default_rng([seed, 11, task])
    places, motions = [], []
    for _ in range(count):
        identity = random_identity(generator)
        motion = [portrait_like_motion(generator) for _ in range(NUM_PORTRAITS)]
        motion += [driving_motion(generator) for _ in range(NUM_MOTIONS - NUM_PORTRAITS)]
        places.append(np.stack([anchors(identity, each) for each in motion]))
        motions.append(np.stack(motion))
    return FacePlaces(np.stack(places), np.stack(motions).astype(np.float32))


@torch.no_grad()
def misreadings(reader: FaceReader, num_people: int, side_px: int, seed: int) -> Floats:
    """What a reader reads of people less the truth, of each a portrait and then other motions.

    Whoever's head is read as nodding in one picture is read so in the others: such errors belong together.

    Returns [num_people, 1 + NUM_MISREAD, 480 + directions], points in spreads and motion.
    """
    generator = np.random.default_rng([seed, 12])
    misread = []
    for _ in range(num_people):
        identity = random_identity(generator)
        motions = [portrait_like_motion(generator), *(driving_motion(generator) for _ in range(NUM_MISREAD))]
        pictures = [paint(identity, motion, side_px) for motion in motions]
        if generator.random() < _PHOTOGRAPHED_SHARE:
            look = random_look(generator)
            pictures = [photographed(picture, look, generator) for picture in pictures]
        reading = reader(to_unit(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2), "cpu"))
        points = np.stack([shape_of(anchors(identity, motion)) for motion in motions])
        truth = np.concatenate([points, to_coefficients(np.stack(motions), reading.motion.shape[1])], 1)
        misread.append(torch.cat([reading.shape, reading.motion], 1).float().numpy() - truth)
    return np.stack(misread)

"""What a face does beside speaking: head, lids, gaze, brows and smile, from how loud it speaks, its mood and chance.

In: loudness of each frame, emotion.  Out: motion [num_frames, 15] with the mouth's five columns left at 0.
In silence the head almost rests; every movement is smooth at 25 Hz.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract.packets import FRAMES_PER_S, Float32Array
from contract.spec import EMOTIONS
from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES

FloatArray = NDArray[np.float64]
_COLUMN = {name: i for i, name in enumerate(MOTION_NAMES)}


@dataclass(frozen=True, slots=True)
class Mood:
    """What an emotion does to a face.

    smile, brow_raise, brow_furrow, lids, pitch: held offsets in the units of motion_names
    liveliness: scales head movement in speech
    jaw: scales the opening of the mouth
    """

    smile: float = 0.0
    brow_raise: float = 0.0
    brow_furrow: float = 0.0
    lids: float = 0.0
    pitch: float = 0.0
    liveliness: float = 1.0
    jaw: float = 1.0


MOODS = {
    "angry": Mood(smile=-0.25, brow_raise=-0.35, brow_furrow=0.80, lids=-0.05, pitch=-0.04, liveliness=1.3, jaw=1.08),
    "disgust": Mood(smile=-0.50, brow_raise=-0.25, brow_furrow=0.45, lids=0.18, pitch=0.04, liveliness=0.9, jaw=0.92),
    "fear": Mood(smile=-0.20, brow_raise=0.55, brow_furrow=-0.55, lids=-0.28, pitch=0.02, liveliness=0.9, jaw=0.95),
    "happy": Mood(smile=0.70, brow_raise=0.20, lids=0.06, pitch=0.02, liveliness=1.2, jaw=1.05),
    "neutral": Mood(),
    "sad": Mood(smile=-0.55, brow_raise=0.05, brow_furrow=-0.65, lids=0.18, pitch=-0.07, liveliness=0.6, jaw=0.85),
    "surprise": Mood(smile=0.05, brow_raise=0.85, lids=-0.35, pitch=0.03, liveliness=1.1, jaw=1.10),
}

# Head sway as standard deviations of yaw, pitch, roll in radians: in silence it must not show in the mouth's place.
IDLE_SWAY = np.array([0.008, 0.005, 0.005])
SPEAKING_SWAY = np.array([0.050, 0.026, 0.028])
NOD = 0.045
BLINK_SHAPE_S = (0.06, 0.05, 0.11)  # closing, shut, opening


def behaviour(loudness: Float32Array, emotion: int, generator: np.random.Generator) -> Float32Array:
    """Draw everything but the mouth.

    loudness: [num_frames] float32, 0 in silence, about 1 on a loud vowel
    emotion: index into EMOTIONS
    returns [num_frames, 15] float32, within the ranges of motion_names; columns of the mouth are 0
    """
    num_frames = len(loudness)
    mood = MOODS[EMOTIONS[emotion]]
    activity = _smooth(np.clip(loudness * 2.0, 0.0, 1.0), 8.0)
    stresses = _stresses(loudness)
    strength = generator.uniform(0.75, 1.15)
    lively = mood.liveliness * generator.uniform(0.7, 1.3)

    motion = np.zeros((num_frames, len(MOTION_NAMES)))
    amplitude = IDLE_SWAY + (SPEAKING_SWAY * lively - IDLE_SWAY) * activity[:, None]
    sway = np.stack([_noise(num_frames, sigma, generator) for sigma in (14.0, 11.0, 15.0)], axis=1)
    motion[:, :3] = sway * amplitude
    motion[:, _COLUMN["pitch"]] += mood.pitch * strength - lively * NOD * _bumps(
        stresses, num_frames, 5.0, 0.45, generator
    )
    # Brows rise with some stresses and hold the mood between them.
    brow = 0.35 * lively * _bumps(stresses, num_frames, 6.0, 0.25, generator)
    held = strength * (1.0 + 0.08 * _noise(num_frames, 20.0, generator) * activity)
    motion[:, _COLUMN["brow_raise"]] = mood.brow_raise * held + brow + 0.04 * _noise(num_frames, 15.0, generator)
    motion[:, _COLUMN["brow_furrow"]] = mood.brow_furrow * held
    motion[:, _COLUMN["smile"]] = mood.smile * held
    gaze_x, gaze_y = _gaze(num_frames, generator)
    # Eyes stay on the viewer while the head turns.
    motion[:, _COLUMN["gaze_x"]] = gaze_x - 1.2 * motion[:, _COLUMN["yaw"]]
    motion[:, _COLUMN["gaze_y"]] = gaze_y - 1.2 * motion[:, _COLUMN["pitch"]]
    lids = mood.lids * strength
    shut = _blinks(num_frames, generator)
    motion[:, _COLUMN["blink"]] = lids + (1.0 - lids) * shut
    return np.clip(motion, LOWEST, HIGHEST).astype(np.float32)


def jaw_scale(emotion: int) -> float:
    """How much wider than in the neutral mood the mouth opens in speech."""
    return MOODS[EMOTIONS[emotion]].jaw


def _smooth(values: FloatArray, sigma_frames: float) -> FloatArray:
    radius = int(3 * sigma_frames)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_frames) ** 2)
    return np.convolve(np.pad(values, radius, mode="edge"), kernel / kernel.sum(), mode="valid")


def _noise(num_frames: int, sigma_frames: float, generator: np.random.Generator) -> FloatArray:
    """Smooth noise of unit deviation."""
    radius = int(3 * sigma_frames)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_frames) ** 2)
    kernel /= np.sqrt((kernel**2).sum())
    return np.convolve(generator.standard_normal(num_frames + 2 * radius), kernel, mode="valid")


def _stresses(loudness: Float32Array) -> list[int]:
    """Frames at which a loud syllable peaks."""
    smooth = _smooth(loudness.astype(np.float64), 2.0)
    inner = smooth[1:-1]
    peaks = np.flatnonzero((inner > smooth[:-2]) & (inner >= smooth[2:]) & (inner > 0.45)) + 1
    return [int(peak) for peak in peaks]


def _bumps(
    stresses: list[int], num_frames: int, sigma_frames: float, chance: float, generator: np.random.Generator
) -> FloatArray:
    """One smooth hump at each chosen stress, at most one every 0.6 s."""
    bumps = np.zeros(num_frames)
    frames = np.arange(num_frames)
    last = -FRAMES_PER_S
    for stress in stresses:
        if stress - last > 0.6 * FRAMES_PER_S and generator.random() < chance:
            height = generator.uniform(0.5, 1.3)
            bumps += height * np.exp(-0.5 * ((frames - stress) / (sigma_frames * generator.uniform(0.7, 1.3))) ** 2)
            last = stress
    return bumps


def _blinks(num_frames: int, generator: np.random.Generator) -> FloatArray:
    """How shut the lids are: one blink of about 200 ms every 2 to 6 s, [num_frames] in 0 to 1."""
    shut = np.zeros(num_frames)
    middles_s = (np.arange(num_frames) + 0.5) / FRAMES_PER_S
    closing_s, shut_s, opening_s = BLINK_SHAPE_S
    start_s = generator.uniform(0.0, 4.0)
    while start_s < num_frames / FRAMES_PER_S:
        pace = generator.uniform(0.85, 1.2)
        edges_s = start_s + pace * np.cumsum([0.0, closing_s, shut_s, opening_s])
        shut = np.maximum(shut, np.interp(middles_s, edges_s, [0.0, 1.0, 1.0, 0.0]))
        # Now and then people blink twice.
        start_s = float(edges_s[-1]) + (0.1 if generator.random() < 0.06 else generator.uniform(2.0, 6.0))
    return shut


def _gaze(num_frames: int, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Jumps between resting points: mostly at the viewer, sometimes a short glance aside."""
    gaze = np.zeros((num_frames, 2))
    frame = 0
    while frame < num_frames:
        if generator.random() < 0.15:
            target, length_s = generator.normal(0.0, (0.35, 0.18)), generator.uniform(0.3, 1.0)
        else:
            target, length_s = generator.normal(0.0, (0.05, 0.04)), generator.uniform(0.4, 2.5)
        end = frame + max(3, round(length_s * FRAMES_PER_S))
        gaze[frame:end] = target
        frame = end
    # A jump takes about two frames.
    padded = np.pad(gaze, ((1, 1), (0, 0)), mode="edge")
    moved = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return moved[:, 0], moved[:, 1]

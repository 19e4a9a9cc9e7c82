"""Whom and what the avatar is judged on: people, voices and sentences that no training has seen or heard.

In: a number. Out: always the same person, clip or sound for it.
"""

import numpy as np

from contract.packets import FRAMES_PER_S, MODEL_RATE_HZ, SAMPLES_PER_FRAME, Float32Array
from training.motion_names import MOTION_NAMES
from training.painter import Identity, random_identity, random_motion
from training.speech import Clip, assemble, make_clip

JUDGE_SEED = 20_301_129
READER_SEED = 31_415_926
_HEAD = [MOTION_NAMES.index(name) for name in ("yaw", "pitch", "roll")]
_CALM_HEAD = np.float32(0.35)
# Labels as the synthesisers write them, the first nine of them loud.
_PHONES = ("aa", "iy", "uw", "ow", "eh", "ae", "ah", "er", "ao", "m", "b", "p", "f", "v", "s", "t", "l", "k", "w", "sh")
_NUM_VOWELS = 9
_FEWEST_PHONES = 20


def person(number: int) -> Identity:
    """Somebody whom no training has met: the seed is of judging alone."""
    return random_identity(np.random.default_rng([JUDGE_SEED, 1, number]))


def spoken_clips(count: int) -> list[Clip]:
    """Clips of 10 to 20 s, each of a held-out voice saying held-out sentences, with its true motion.

    A synthesiser draws from chance of its own as it goes, so that clips are the same from process to process only when
    they are made in the same order: all at once, before anything else is said.
    Raises ConfigError where a synthesiser is not installed.
    """
    clips = []
    for number in range(count):
        generator = np.random.default_rng([JUDGE_SEED, 2, number])
        clip = make_clip(generator, held_out=True)
        while len(clip.phones) < _FEWEST_PHONES:
            clip = make_clip(generator, held_out=True)
        clips.append(clip)
    return clips


def wide_motion(number: int) -> Float32Array:
    """Any motion that faces can make, most heads turned as little as in talking: [num_motions] float32."""
    generator = np.random.default_rng([JUDGE_SEED, 3, number])
    motion = random_motion(generator)
    if generator.random() < 0.7:
        motion[_HEAD] *= _CALM_HEAD
    return motion.astype(np.float32)


def noise(seconds: float, rms: float, number: int = 0) -> Float32Array:
    """White noise at 16 kHz: [seconds * 16000] float32."""
    generator = np.random.default_rng([JUDGE_SEED, 4, number])
    return (rms * generator.standard_normal(round(seconds * MODEL_RATE_HZ))).clip(-1, 1).astype(np.float32)


def babble(num_frames: int, emotion: int, generator: np.random.Generator) -> Clip:
    """The motion of somebody talking nonsense in a mood: any phones, made without a synthesiser."""
    phones: list[tuple[str, float, float]] = []
    loudness = np.zeros(num_frames)
    now_s, end_s = float(generator.uniform(0.0, 0.3)), num_frames / FRAMES_PER_S
    while now_s < end_s:
        index = int(generator.integers(len(_PHONES)))
        length_s = float(generator.uniform(0.05, 0.16))
        phones.append((_PHONES[index], now_s, now_s + length_s))
        first, last = int(now_s * FRAMES_PER_S), int((now_s + length_s) * FRAMES_PER_S) + 1
        loudness[first:last] = generator.uniform(0.4, 1.0) if index < _NUM_VOWELS else 0.25
        now_s += length_s + (float(generator.uniform(0.2, 0.8)) if generator.random() < 0.06 else 0.0)
    sound = generator.standard_normal((num_frames, SAMPLES_PER_FRAME)) * 0.1 * loudness[:, None]
    return assemble(sound.ravel().astype(np.float32), tuple(phones), emotion, generator)

"""Windows of speech and its true motion, as phase 2 is shown them.

In:  clips of sound and true motion
Out: batches of windows, each as long as live serving may cut it, their sound as a microphone may bring it
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from contract.packets import SAMPLES_PER_FRAME
from contract.spec import EMOTIONS
from training.behaviour import CHANCE_COLUMNS, held_offsets
from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES, SPREAD, to_coefficients
from training.speech_augment import augment
from training.speech_clips import Clip
from training.visemes import MOUTH_NAMES

_SHORTEST_FRAMES = 4

_WIDEST_REFERENCE = 1.2

# What a stream carries over is drawn, not true, and now and then it shows the mood before. So windows are shown carried
# frames that are off by an amount drawn for each direction, and the way back from there.
_STRAY_SHARE = 0.5
_MOOD_CHANGE_SHARE = 0.25  # of those
_JITTER = 0.03
_OFF_FRAMES = 3
# Names: deviation of the offset in units of spread, and what is left of it after each frame.
_STRAY = {
    **dict.fromkeys(("yaw", "pitch", "roll"), (0.15, 0.955)),
    **dict.fromkeys(MOUTH_NAMES, (0.18, 0.62)),
    **dict.fromkeys(("smile", "brow_raise", "brow_furrow", "sneer"), (0.25, 0.88)),
    "blink": (0.15, 0.80),
    **dict.fromkeys(("gaze_x", "gaze_y"), (0.12, 0.90)),
}
_STRAY_SPREAD = np.array([_STRAY[name][0] for name in MOTION_NAMES], np.float32)
_STRAY_KEPT = np.array([_STRAY[name][1] for name in MOTION_NAMES], np.float32)


@dataclass(frozen=True)
class WindowShape:
    """Whole windows in a batch, their frames carried over and at most new, and the frames of sound around them."""

    num_windows: int
    carried_frames: int
    longest_frames: int
    context_frames: int
    lookahead_frames: int


@dataclass
class Windows:
    """A batch of windows, all N frames long after C carried-over ones.

    pcm: [B, (context + C + N + look-ahead) * 640] float32 in [-1, 1], the sound around carried and new frames
    motion: [B, C + N, M] float32 coefficients; reference: [B, M]; emotion: [B, 7]
    num_missing: [B] int64, carried rows that lie before the clip: a stream has nothing to carry there yet
    chance: [B, N, M], the noise by which the motion of the new frames was drawn; NaN where none decided it
    stray: [B, C + N, M], how far a stream that strayed is off in its carried frames, and how it comes back
    """

    pcm: Tensor
    motion: Tensor
    reference: Tensor
    emotion: Tensor
    num_missing: Tensor
    chance: Tensor
    stray: Tensor


class WindowSampler:
    """Draws windows from clips, and augments their sound."""

    def __init__(self, clips: list[Clip], shape: WindowShape, num_directions: int) -> None:
        self.clips = clips
        self.shape = shape
        self.motion = [to_coefficients(clip.motion, num_directions) for clip in clips]
        lengths = np.array([clip.num_frames for clip in clips], np.float64)
        self.share = lengths / lengths.sum()

    def draw(self, generator: np.random.Generator, *, clean: bool = False) -> Windows:
        """One batch; `clean` leaves the sound as it is."""
        carried, longest = self.shape.carried_frames, self.shape.longest_frames
        # Whole windows, those that live serving cuts, and everything between.
        kind = generator.random()
        shortest, most = (longest, longest) if kind < 0.45 else (_SHORTEST_FRAMES, 12 if kind < 0.75 else longest)
        num_frames = int(generator.integers(shortest, most + 1))
        # Of short windows more are drawn, so that every step learns from about as many frames.
        around = self.shape.context_frames + carried + self.shape.lookahead_frames
        num_windows = round(self.shape.num_windows * (around + longest) / (around + num_frames))
        sounds, motions, references, emotions, missing, chances, strays = [], [], [], [], [], [], []
        for index in generator.choice(len(self.clips), num_windows, p=self.share):
            clip, motion = self.clips[index], self.motion[index]
            begin = generator.random() < 0.15
            last = clip.num_frames - num_frames - carried
            start = int(generator.integers(-carried, 1)) if begin else int(generator.integers(0, max(1, last)))
            pcm = self._sound(clip, start, num_frames)
            rows = _rows(motion, start, carried + num_frames)
            sounds.append(pcm if clean else augment(pcm, generator))
            motions.append(rows)
            references.append(_reference(motion.shape[1], generator))
            emotions.append(np.eye(len(EMOTIONS), dtype=np.float32)[clip.emotion])
            missing.append(max(0, -start))
            chances.append(_chance(clip, start + carried, num_frames, motion.shape[1]))
            strayed = not clean and start >= 0 and generator.random() < _STRAY_SHARE
            strays.append(_stray(rows, carried, clip.emotion, generator) if strayed else np.zeros_like(rows))
        return Windows(
            pcm=torch.from_numpy(np.stack(sounds)),
            motion=torch.from_numpy(np.stack(motions)),
            reference=torch.from_numpy(np.stack(references)),
            emotion=torch.from_numpy(np.stack(emotions)),
            num_missing=torch.tensor(missing),
            chance=torch.from_numpy(np.stack(chances)),
            stray=torch.from_numpy(np.stack(strays)),
        )

    def _sound(self, clip: Clip, start: int, num_frames: int) -> NDArray[np.float32]:
        first = start - self.shape.context_frames
        last = start + self.shape.carried_frames + num_frames + self.shape.lookahead_frames
        pcm = np.zeros((last - first) * SAMPLES_PER_FRAME, np.float32)
        a, b = max(0, first), min(clip.num_frames, last)
        pcm[(a - first) * SAMPLES_PER_FRAME : (b - first) * SAMPLES_PER_FRAME] = clip.pcm[
            a * SAMPLES_PER_FRAME : b * SAMPLES_PER_FRAME
        ]
        return pcm


def _rows(motion: NDArray[np.float32], start: int, count: int) -> NDArray[np.float32]:
    """Rows start ... start + count; before the clip its first row, after it its last."""
    return motion[np.clip(np.arange(start, start + count), 0, len(motion) - 1)]


def _reference(num_directions: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """What a portrait's own motion may be read as: from neutral to a wide smile, whatever the speech."""
    spread = generator.uniform(0, _WIDEST_REFERENCE)
    reference: NDArray[np.float32] = generator.normal(0, spread, num_directions).astype(np.float32)
    return reference


def _chance(clip: Clip, start: int, count: int, num_directions: int) -> NDArray[np.float32]:
    """Noise that drew rows start ... start + count, [count, directions]; NaN where nothing of it is known."""
    chance = np.full((count, num_directions), np.nan, np.float32)
    if clip.chance is not None:
        chance[:, CHANCE_COLUMNS] = _rows(clip.chance, start, count)
    return chance


def _stray(
    rows: NDArray[np.float32], num_carried: int, emotion: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """What to add to rows [C + N, directions] so that their first C are off and the others come back."""
    named = len(MOTION_NAMES)
    offset = generator.standard_normal(named, np.float32) * _STRAY_SPREAD
    if generator.random() < _MOOD_CHANGE_SHARE:
        before = int(generator.integers(len(EMOTIONS)))
        offset += (held_offsets(before) - held_offsets(emotion)) / SPREAD * np.float32(generator.uniform(0.8, 1.1))
    ages = np.arange(len(rows))[:, None] - num_carried + 1
    left = _STRAY_KEPT ** np.maximum(ages, 0)
    if generator.random() < 0.5:
        # The last frames of a window are the least certain: a stream goes off there first.
        left *= np.clip(1 + ages / _OFF_FRAMES, 0.0, 1.0)
    strayed = rows[:, :named] + offset * left
    strayed[:num_carried] += _JITTER * generator.standard_normal((num_carried, named), np.float32)
    stray = np.zeros_like(rows)
    stray[:, :named] = np.clip(strayed, LOWEST / SPREAD, HIGHEST / SPREAD) - rows[:, :named]
    return stray

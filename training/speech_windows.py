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
from training.motion_names import to_coefficients
from training.speech_augment import augment
from training.speech_clips import Clip

_SHORTEST_FRAMES = 4

_WIDEST_REFERENCE = 1.2


@dataclass(frozen=True)
class WindowShape:
    """Windows in a batch, their frames carried over and at most new, and the frames of sound around them."""

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
    """

    pcm: Tensor
    motion: Tensor
    reference: Tensor
    emotion: Tensor
    num_missing: Tensor


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
        # Half of the batches are whole windows, the others as short as live serving cuts them.
        num_frames = longest if generator.random() < 0.5 else int(generator.integers(_SHORTEST_FRAMES, longest))
        sounds, motions, references, emotions, missing = [], [], [], [], []
        for index in generator.choice(len(self.clips), self.shape.num_windows, p=self.share):
            clip, motion = self.clips[index], self.motion[index]
            begin = generator.random() < 0.15
            last = clip.num_frames - num_frames - carried
            start = int(generator.integers(-carried, 1)) if begin else int(generator.integers(0, max(1, last)))
            pcm = self._sound(clip, start, num_frames)
            sounds.append(pcm if clean else augment(pcm, generator))
            motions.append(_rows(motion, start, carried + num_frames))
            references.append(_reference(motion.shape[1], generator))
            emotions.append(np.eye(len(EMOTIONS), dtype=np.float32)[clip.emotion])
            missing.append(max(0, -start))
        return Windows(
            pcm=torch.from_numpy(np.stack(sounds)),
            motion=torch.from_numpy(np.stack(motions)),
            reference=torch.from_numpy(np.stack(references)),
            emotion=torch.from_numpy(np.stack(emotions)),
            num_missing=torch.tensor(missing),
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

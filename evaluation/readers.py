"""Networks that read a face from a frame: its motion, its mood and whose it is. They know painted people only.

In: frames [num_frames, side, side, 3] uint8. Out: what is seen in each.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from contract.packets import Float32Array, UInt8Array
from contract.spec import EMOTIONS
from evaluation.face_crops import CROPS, EYES, FACE, MOUTH, Framing, crops_of

MOUTH_READINGS = ("opening", "jaw", "lip_width", "lip_rounding", "lip_closing", "lip_tuck", "smile")
EYE_READINGS = ("blink", "gaze_x", "gaze_y", "brow_raise", "brow_furrow")
READINGS = (*MOUTH_READINGS, *EYE_READINGS)
_SIDEWARD = READINGS.index("gaze_x")
# Crops are shifted by chance in training; elsewhere their middle is read.
MARGIN_PX = 8
_BATCH_FRAMES = 64


@dataclass(frozen=True)
class ReaderConfig:
    """Sizes of the networks."""

    channels: tuple[int, ...] = (16, 32, 48, 64)
    feature_dim: int = 96
    embedding_dim: int = 64
    num_people: int = 400


def _trunk(size: tuple[int, int], config: ReaderConfig) -> nn.Sequential:
    """Convolutions of stride 2 and one linear layer: [B, 3, height, width] to [B, feature_dim]."""
    layers: list[nn.Module] = []
    previous = 3
    for channels in config.channels:
        layers += [nn.Conv2d(previous, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        previous = channels
    width, height = ((side - MARGIN_PX + 15) // 16 for side in size)
    last = [nn.Flatten(), nn.Linear(previous * width * height, config.feature_dim), nn.ReLU()]
    return nn.Sequential(*layers, *last)


class Readers(nn.Module):
    """Motion from mouth and eyes, mood from both, and the person from the face."""

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.mouth_trunk, self.eye_trunk = _trunk(MOUTH.size, config), _trunk(EYES.size, config)
        self.face_trunk = _trunk(FACE.size, config)
        self.mouth_head = nn.Linear(config.feature_dim, len(MOUTH_READINGS))
        self.eye_head = nn.Linear(config.feature_dim, len(EYE_READINGS))
        self.mood_head = nn.Sequential(
            nn.Linear(2 * config.feature_dim, config.feature_dim),
            nn.ReLU(),
            nn.Linear(config.feature_dim, len(EMOTIONS)),
        )
        self.embedding = nn.Linear(config.feature_dim, config.embedding_dim)
        self.people = nn.Linear(config.embedding_dim, config.num_people, bias=False)

    def read_motion(self, mouth: Tensor, eyes: Tensor) -> tuple[Tensor, Tensor]:
        """Readings [B, len(READINGS)] in units of spread, and mood logits [B, 7]."""
        features = self.mouth_trunk(mouth), self.eye_trunk(eyes)
        readings = torch.cat([self.mouth_head(features[0]), self.eye_head(features[1])], 1)
        return readings, self.mood_head(torch.cat(features, 1))

    def embed(self, face: Tensor) -> Tensor:
        """Who is seen: [B, embedding_dim] of length 1."""
        return F.normalize(self.embedding(self.face_trunk(face)), dim=1)


@dataclass(frozen=True, eq=False)
class FaceReadings:
    """What is seen in each frame.

    readings: [num_frames, len(READINGS)] float32 in the painter's units, the opening in hundredths of the framed height
    moods: [num_frames, 7] float32, chances
    embeddings: [num_frames, embedding_dim] float32 of length 1
    """

    readings: Float32Array
    moods: Float32Array
    embeddings: Float32Array

    def of(self, name: str) -> Float32Array:
        """One reading: [num_frames]."""
        return self.readings[:, READINGS.index(name)]


@dataclass(frozen=True, eq=False)
class FaceReader:
    """Trained readers, with what was found on painted people that they never saw.

    closed_below: an opening under it is a closed mouth
    checks: r of readings and shares of right answers on held-out painted frames
    """

    readers: Readers
    spread: Float32Array
    closed_below: float
    checks: dict[str, float]

    def read(self, frames: UInt8Array, framing: Framing) -> FaceReadings:
        """Read frames [num_frames, side, side, 3] uint8 of one portrait."""
        crops = [crops_of(frame, framing) for frame in frames]
        return self.read_crops(**{name: np.stack([each[name] for each in crops]) for name in CROPS})

    @torch.no_grad()
    def read_crops(self, mouth: UInt8Array, eyes: UInt8Array, face: UInt8Array) -> FaceReadings:
        """Read crops that are cut out already, each [num_frames, height, width, 3] uint8."""
        self.readers.eval()
        parts: list[tuple[Tensor, Tensor, Tensor]] = []
        for start in range(0, len(mouth), _BATCH_FRAMES):
            batch = slice(start, start + _BATCH_FRAMES)
            crops = middle(mouth[batch]), middle(eyes[batch])
            readings, moods = self.readers.read_motion(*crops)
            # A face and its mirror image move alike and are the same person's, and are misread apart.
            mirrored, _ = self.readers.read_motion(*(crop.flip(3) for crop in crops))
            mirrored[:, _SIDEWARD] *= -1
            faces = middle(face[batch])
            embedded = F.normalize(self.readers.embed(faces) + self.readers.embed(faces.flip(3)), dim=1)
            parts.append(((readings + mirrored) / 2, moods.softmax(1), embedded))
        columns = [torch.cat(column).numpy() for column in zip(*parts, strict=True)]
        return FaceReadings(columns[0] * self.spread, columns[1], columns[2])


def to_unit(crops: NDArray[np.uint8]) -> Tensor:
    """[n, height, width, 3] uint8 to [n, 3, height, width] float32 in [-1, 1]."""
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 127.5 - 1


def middle(crops: NDArray[np.uint8]) -> Tensor:
    """The crops without their margin, as the networks take them."""
    half = MARGIN_PX // 2
    return to_unit(crops[:, half:-half, half:-half])

"""Phase 1's reading: motion and framing of a face, learned from painted people by a network of its own.

In:  painted people in any motion, some of them framed as they come
Out: a checkpoint of the encoder's `FaceReader`

It shares nothing with the decoder, which is told the painter's motion while it trains, so the two may train at once.
"""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from models.autoencoder_config import EMBEDDED_AUTOENCODER, AutoencoderConfig
from models.checkpoint import load_checkpoint, load_parameters
from models.portrait_encoder import FaceReader
from training.checkpoints import save_checkpoint
from training.motion_names import MOTION_NAMES, to_coefficients
from training.painted_frames import driving_motion, portrait_like_motion, to_unit
from training.painter import Identity, paint, random_identity
from training.painter_camera import CameraLook, photographed, random_look
from training.painter_identity import CAST_SHIFT_Y, CAST_ZOOM
from training.provenance import provenance

_HELD_OUT_SEED = 987_654_322
_LOG_STEPS = 25
_CLEAN_SHARE = 0.5
_FAR_SHARE = 0.3  # of the pictures: framed as a detector's box leaves them, to learn framing from
_LARGEST_LOG_SIZE = 0.45
_LARGEST_SHIFT = 0.14
_FRAMING_SPREAD = 0.03  # what counts as one in the loss
_NUM_HELD_OUT_PEOPLE = 24


@dataclass(frozen=True)
class ReadingConfig:
    """One run."""

    autoencoder: AutoencoderConfig = EMBEDDED_AUTOENCODER
    num_people: int = 6
    num_motions: int = 6
    learning_rate: float = 2e-3
    warm_up_steps: int = 50
    num_steps: int = 4000
    framing_weight: float = 0.03
    seed: int = 1
    num_workers: int = 1
    device: str = "cpu"
    save_every_s: float = 120.0
    autocast: bool = True


class ReadingBatch(NamedTuple):
    """What is read and what is there.

    pictures: [N, 3, S, S] uint8; motion: [N, 15] float32; framing: [N, 3] float32, as `framing_of`
    is_near: [N] bool, framed as served
    """

    pictures: Tensor
    motion: Tensor
    framing: Tensor
    is_near: Tensor


def framing_of(x: float, y: float, zoom: float) -> NDArray[np.float32]:
    """Where the square lies in which the face would be framed as the cast's: [3] float32.

    x, y: of the face from the picture's middle, in sides of the picture; zoom: its size as `Identity` has it
    Returns how far that square's middle is to the right and down of this one's, in sides, and the log of its side.
    """
    size = zoom / CAST_ZOOM
    return np.array((x, y - CAST_SHIFT_Y * size, math.log(size)), np.float32)


def reframed(
    picture: NDArray[np.uint8], identity: Identity, generator: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A painted person's picture moved and scaled by chance, as a detector's box may leave it, and its framing then.

    picture: [side, side, 3] uint8
    """
    side = picture.shape[0]
    scale = math.exp(generator.uniform(-_LARGEST_LOG_SIZE, _LARGEST_LOG_SIZE))
    x, y = generator.uniform(-_LARGEST_SHIFT, _LARGEST_SHIFT, 2)
    middle = 0.5 * side - 0.5
    offset = (1 - scale) * middle
    border = cv2.BORDER_REPLICATE if generator.random() < 0.6 else cv2.BORDER_CONSTANT
    transform = np.array([[scale, 0, offset + x * side], [0, scale, offset + y * side]], np.float64)
    moved = cv2.warpAffine(picture, transform, (side, side), flags=cv2.INTER_AREA, borderMode=border)
    framing = framing_of(scale * identity.shift_x + x, scale * identity.shift_y + y, scale * identity.zoom)
    return np.asarray(moved, np.uint8), framing


def draw_reading_batch(num_people: int, num_motions: int, side_px: int, generator: np.random.Generator) -> ReadingBatch:
    """People in motions, most of them framed as served."""
    pictures, motions, framings, near = [], [], [], []
    for _ in range(num_people):
        identity = random_identity(generator)
        look: CameraLook | None = None if generator.random() < _CLEAN_SHARE else random_look(generator)
        for number in range(num_motions):
            motion = portrait_like_motion(generator) if number == 0 else driving_motion(generator)
            picture = paint(identity, motion, side_px)
            framing = framing_of(identity.shift_x, identity.shift_y, identity.zoom)
            is_near = generator.random() >= _FAR_SHARE
            if not is_near:
                picture, framing = reframed(picture, identity, generator)
            pictures.append(picture if look is None else photographed(picture, look, generator))
            motions.append(motion)
            framings.append(framing)
            near.append(is_near)
    return ReadingBatch(
        torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2),
        torch.from_numpy(np.stack(motions).astype(np.float32)),
        torch.from_numpy(np.stack(framings)),
        torch.from_numpy(np.array(near)),
    )


class ReadingFrames(IterableDataset[ReadingBatch]):
    """Batches without end; each worker paints its own people."""

    def __init__(self, config: ReadingConfig, seed: int) -> None:
        super().__init__()
        self.config, self.seed = config, seed

    def __iter__(self) -> Iterator[ReadingBatch]:
        worker = get_worker_info()
        generator = np.random.default_rng([self.seed, 7, worker.id if worker else 0])
        config = self.config
        while True:
            yield draw_reading_batch(config.num_people, config.num_motions, config.autoencoder.image_size_px, generator)


class Reading:
    """The reader in training; resumes where its checkpoint stands."""

    def __init__(self, config: ReadingConfig, folder: Path) -> None:
        torch.manual_seed(config.seed)
        self.config, self.folder = config, folder
        self.model = FaceReader(config.autoencoder).to(config.device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), config.learning_rate, betas=(0.9, 0.99))
        self.step = 0
        self.metrics: dict[str, float] = {}
        self.provenance = provenance(config)
        if self.checkpoint_path.exists():
            self._resume()

    @property
    def checkpoint_path(self) -> Path:
        """Where the run's state is kept."""
        return self.folder / "reading.pt"

    def _resume(self) -> None:
        state = load_checkpoint(self.checkpoint_path, needs=("model", "optimizer", "step", "metrics"))
        load_parameters(self.model, state["model"], str(self.checkpoint_path))
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.metrics = state["step"], state["metrics"]

    def save(self) -> None:
        """Write everything that resuming needs. The learning rate falls to nothing, so no average is kept."""
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}
        save_checkpoint(self.checkpoint_path, {**state, "provenance": self.provenance, "metrics": self.metrics})

    def read(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Motion coefficients [N, directions] and framing [N, 3] of pictures [N, 3, S, S] uint8."""
        device = self.config.device
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=self.config.autocast):
            motion, framing = self.model(to_unit(pictures, device))
        return motion.float(), framing.float()

    def losses(self, batch: ReadingBatch) -> tuple[Tensor, Tensor]:
        """Of motion, in spreads, where the face is framed as served; of framing, in spreads, everywhere."""
        motion, framing = self.read(batch.pictures)
        truth = torch.from_numpy(to_coefficients(batch.motion.numpy(), motion.shape[-1])).to(motion)
        near = batch.is_near.to(motion)[:, None]
        of_motion = (F.smooth_l1_loss(motion, truth, reduction="none") * near).sum() / (
            near.sum().clamp(min=1) * motion.shape[-1]
        )
        return of_motion, F.smooth_l1_loss(framing / _FRAMING_SPREAD, batch.framing.to(framing) / _FRAMING_SPREAD)

    def train_step(self, batch: ReadingBatch) -> float:
        """One optimiser step; returns the loss."""
        config = self.config
        share = min(1.0, self.step / config.num_steps)
        rate = config.learning_rate * min(1.0, (self.step + 1) / config.warm_up_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * share))
        of_motion, of_framing = self.losses(batch)
        loss = of_motion + config.framing_weight * of_framing
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        return float(loss.detach())

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """On people never trained on.

        motion: mean share of each motion's variance that is read; least, of the worst read one
        shift, size: median errors of framing, in sides of the picture and as a share, of faces framed as they come
        """
        side = self.config.autoencoder.image_size_px
        batch = draw_reading_batch(_NUM_HELD_OUT_PEOPLE, 4, side, np.random.default_rng(_HELD_OUT_SEED))
        self.model.eval()
        motion, framing = self.read(batch.pictures)
        self.model.train()
        truth = to_coefficients(batch.motion.numpy(), motion.shape[-1])[batch.is_near.numpy()]
        wrong = motion.cpu().numpy()[batch.is_near.numpy()] - truth
        read = 1 - (wrong**2).mean(0) / truth.var(0).clip(1e-6)
        far = (framing.cpu() - batch.framing)[~batch.is_near].abs().numpy()
        self.by_name = {name: round(float(value), 2) for name, value in zip(MOTION_NAMES, read, strict=False)}
        return {
            "motion": float(read.mean()),
            "least": float(read.min()),
            "shift": float(np.median(far[:, :2])),
            "size": float(np.median(far[:, 2])),
        }

    def run(self, seconds: float = float("inf")) -> None:
        """Train until the last step or until time is up; saves often."""
        started = saved = time.monotonic()
        batches = self._painted()
        losses: list[float] = []
        while self.step < self.config.num_steps and time.monotonic() - started < seconds:
            losses.append(self.train_step(next(batches)))
            if self.step % _LOG_STEPS == 0:
                self._log(started, losses)
                losses = []
            if time.monotonic() - saved > self.config.save_every_s:
                self.metrics = self.validate()
                self.save()
                saved = time.monotonic()
        self.metrics = self.validate()
        self._log(started, losses)
        self.save()

    def _painted(self) -> Iterator[ReadingBatch]:
        workers = self.config.num_workers
        loader = DataLoader(
            # People never come twice, not after resuming either.
            ReadingFrames(self.config, self.config.seed + 1000 * self.step),
            batch_size=None,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            multiprocessing_context="spawn" if workers else None,
        )
        return iter(loader)

    def _log(self, started: float, losses: list[float]) -> None:
        line: dict[str, float] = {"step": self.step, "elapsed_s": round(time.monotonic() - started, 1)}
        if losses:
            line["loss"] = round(float(np.mean(losses)), 5)
        line.update({name: round(value, 5) for name, value in self.metrics.items()})
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "reading.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")

"""Phase 1's reading: motion, framing and shape of a face, learned from painted people by a network of its own.

In:  painted people in any motion, some of them framed as they come
Out: a checkpoint of the encoder's `FaceReader`

It shares nothing with the decoder, which is told the painter's motion while it trains, so the two may train at once.
"""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.autoencoder_config import EMBEDDED_AUTOENCODER, AutoencoderConfig
from models.checkpoint import load_checkpoint, load_parameters
from models.face_reader import SHAPE_SPREAD, FaceReader, FaceReading
from training.checkpoints import save_checkpoint
from training.motion_names import MOTION_NAMES, to_coefficients
from training.painted_frames import to_unit
from training.painted_readings import (
    ReadingBatch,
    batch_of,
    mirrored_points,
    painted_faces,
    painted_readings,
    usual_points,
)
from training.provenance import provenance
from training.shared_gradients import agree, average_gradients, process_rank

_HELD_OUT_SEED = 987_654_322
_LOG_STEPS = 25
_FRAMING_SPREAD = 0.03  # what counts as one in the loss
_NUM_HELD_OUT_PEOPLE = 24
_MOTION_BETA = 0.05  # below it errors count by their square
# A head misread by a degree shifts a whole face by a pixel, where a smile misread as much can't be seen.
_MOTION_WEIGHTS = {"yaw": 5.0, "pitch": 5.0, "roll": 2.0, "jaw": 2.0}
_FIRST_LOOK_WEIGHT = 0.4
_TURNED = ("yaw", "roll", "gaze_x")  # to the other side, in a mirror


@dataclass(frozen=True)
class ReadingConfig:
    """One run."""

    autoencoder: AutoencoderConfig = EMBEDDED_AUTOENCODER
    num_faces: int = 36
    learning_rate: float = 2e-3
    warm_up_steps: int = 50
    num_steps: int = 4000
    framing_weight: float = 0.03
    shape_weight: float = 1.0
    seed: int = 1
    num_workers: int = 1
    device: str = "cpu"
    save_every_s: float = 120.0
    autocast: bool = True


class Reading:
    """The reader in training; resumes where its checkpoint stands."""

    def __init__(self, config: ReadingConfig, folder: Path) -> None:
        torch.manual_seed(config.seed)
        self.config, self.folder = config, folder
        self.model = FaceReader(config.autoencoder)
        self.model.usual.copy_(torch.from_numpy(usual_points()).reshape(-1, 2))
        self.model.mirrored.copy_(torch.from_numpy(mirrored_points()))
        for number, name in enumerate(MOTION_NAMES[: config.autoencoder.num_motion_directions]):
            self.model.turned[number] = -1.0 if name in _TURNED else 1.0
        self.model.to(config.device)
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
        state = load_checkpoint(self.checkpoint_path, needs=("model", "step", "metrics"))
        load_parameters(self.model, state["model"], str(self.checkpoint_path))
        # What is kept for other machines is the network alone.
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.metrics = state["step"], state["metrics"]

    def save(self) -> None:
        """Write everything that resuming needs. The learning rate falls to nothing, so no average is kept."""
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}
        save_checkpoint(self.checkpoint_path, {**state, "provenance": self.provenance, "metrics": self.metrics})

    def read(self, pictures: Tensor) -> FaceReading:
        """What is read from pictures [N, 3, S, S] uint8, float32."""
        device = self.config.device
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=self.config.autocast):
            reading = self.model(to_unit(pictures, device))
        return FaceReading(*(each.float() for each in reading))

    def losses(self, batch: ReadingBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Of motion and of shape, in spreads, of faces framed as served; of framing, in spreads, of all.

        Of both looks: the second is cut where the first found lips and eyes.
        """
        device = self.config.device
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=self.config.autocast):
            looks = self.model.looks(to_unit(batch.pictures, device))
        near, read = batch.is_near.to(device), looks[0].framing.float()
        framing = F.smooth_l1_loss(read / _FRAMING_SPREAD, batch.framing.to(device) / _FRAMING_SPREAD)
        if not near.any():
            return framing * 0, framing * 0, framing
        wanted = to_coefficients(batch.motion.numpy(), looks[0].motion.shape[-1])
        motion, shape = torch.from_numpy(wanted).to(device)[near], batch.shape.to(device)[near]
        counts = motion.new_ones(motion.shape[-1])
        for number, name in enumerate(MOTION_NAMES[: motion.shape[-1]]):
            counts[number] = _MOTION_WEIGHTS.get(name, 1.0)
        of_motion, of_shape = framing.new_zeros(()), framing.new_zeros(())
        for look, weight in zip(looks, (_FIRST_LOOK_WEIGHT, 1.0), strict=True):
            errors = F.smooth_l1_loss(look.motion.float()[near], motion, beta=_MOTION_BETA, reduction="none")
            of_motion = of_motion + weight * (errors * counts).mean()
            # By its size, not its square: a lip that is half a pixel off is what the decoder suffers from.
            of_shape = of_shape + weight * F.l1_loss(look.shape.float()[near], shape)
        return of_motion, of_shape, framing

    def train_step(self, batch: ReadingBatch) -> float:
        """One optimiser step; returns the loss."""
        config = self.config
        share = min(1.0, self.step / config.num_steps)
        rate = config.learning_rate * min(1.0, (self.step + 1) / config.warm_up_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * share))
        of_motion, of_shape, of_framing = self.losses(batch)
        loss = of_motion + config.shape_weight * of_shape + config.framing_weight * of_framing
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(self.model)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        return float(loss.detach())

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """On people never trained on.

        motion: mean share of each motion's variance that is read; least, of the worst read one
        points: mean distance along an axis of the face's points, in parts of the side
        shift, size: median errors of framing, in sides of the picture and as a share, of faces framed as they come
        """
        side, generator = self.config.autoencoder.image_size_px, np.random.default_rng(_HELD_OUT_SEED)
        faces = [face for _ in range(_NUM_HELD_OUT_PEOPLE) for face in painted_faces(4, side, generator)]
        batch = batch_of(faces, generator)
        self.model.eval()
        read = FaceReading(*(each.cpu() for each in self.read(batch.pictures)))
        self.model.train()
        near = batch.is_near
        truth = torch.from_numpy(to_coefficients(batch.motion.numpy(), read.motion.shape[-1]))[near]
        explained = 1 - (read.motion[near] - truth).square().mean(0) / truth.var(0).clamp(min=1e-6)
        far = (read.framing - batch.framing)[~near].abs().numpy()
        return {
            "motion": float(explained.mean()),
            "least": float(explained.min()),
            "points": SHAPE_SPREAD * float((read.shape - batch.shape)[near].abs().mean()),
            "shift": float(np.median(far[:, :2])),
            "size": float(np.median(far[:, 2])),
        }

    def run(self, seconds: float = float("inf")) -> None:
        """Train until the last step or until time is up; saves often."""
        started = saved = time.monotonic()
        config = self.config
        # People never come twice: not after resuming, nor in another process.
        seed = config.seed + 1000 * self.step + process_rank()
        batches = painted_readings(config.num_faces, config.autoencoder.image_size_px, seed, config.num_workers)
        losses: list[float] = []
        while self.step < self.config.num_steps and agree(time.monotonic() - started < seconds):
            losses.append(self.train_step(next(batches)))
            if process_rank() > 0:
                continue
            if self.step % _LOG_STEPS == 0:
                self._log(started, losses)
                losses = []
            if time.monotonic() - saved > self.config.save_every_s:
                self.metrics = self.validate()
                self.save()
                saved = time.monotonic()
        if process_rank() == 0:
            self.metrics = self.validate()
            self._log(started, losses)
            self.save()

    def _log(self, started: float, losses: list[float]) -> None:
        line: dict[str, float] = {"step": self.step, "elapsed_s": round(time.monotonic() - started, 1)}
        if losses:
            line["loss"] = round(float(np.mean(losses)), 5)
        line.update({name: round(value, 5) for name, value in self.metrics.items()})
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "reading.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")

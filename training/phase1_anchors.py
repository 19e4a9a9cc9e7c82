"""Phase 1's anchors: where a face's points go in any motion, learned from the painter's own points without a picture.

In:  people's anchors in many motions, and what a reader misreads
Out: a checkpoint of the decoder's `AnchorMotion`

What the network is told of a portrait is what a reader read, so it learns from points that are off as a reader's are.
"""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.autoencoder_config import EMBEDDED_AUTOENCODER, AutoencoderConfig
from models.checkpoint import load_checkpoint, load_parameters
from models.face_anchors import NUM_TRACKED, AnchorMotion
from models.face_reader import NUM_SHAPE_POINTS, SHAPE_SPREAD
from training.checkpoints import AveragedWeights, save_checkpoint
from training.face_places import NUM_MISREAD, NUM_MOTIONS, NUM_PORTRAITS, FacePlaces, Floats
from training.motion_names import to_coefficients
from training.painted_readings import usual_points
from training.provenance import provenance

_LOG_STEPS = 100
_PORTRAIT_SHARE = 0.9  # of sources; the others are in any motion
_READ_SHARE = 0.6  # of the motions are read from a picture of the same person; the others are known
_LARGEST_MISREADING = 1.3
_HELD_OUT_SHARE = 50
# How much the places count, and from each to the portrait's, which is what a warp shows.
_PLACE_WEIGHT, _BACK_WEIGHT = 1.0, 2.0


@dataclass(frozen=True)
class AnchorConfig:
    """One run.

    num_people: whose anchors are placed before it begins; num_misread: of whom pictures are painted and read
    """

    autoencoder: AutoencoderConfig = EMBEDDED_AUTOENCODER
    num_people: int = 20_000
    num_misread: int = 200
    batch: int = 1024
    num_steps: int = 8000
    learning_rate: float = 2e-3
    warm_up_steps: int = 200
    average_decay: float = 0.998
    seed: int = 1
    device: str = "cpu"
    save_every_s: float = 120.0


class AnchorBatch(tuple[Tensor, Tensor, Tensor, Tensor]):
    """face [B, num_face_values], motion [B, directions]; wanted places [B, NUM_ANCHORS, 2] and ways back, in pixels."""


class AnchorTraining:
    """Tells of anchors in training; resumes where its checkpoint stands."""

    def __init__(self, config: AnchorConfig, folder: Path) -> None:
        torch.manual_seed(config.seed)
        self.config, self.folder = config, folder
        side, directions = config.autoencoder.image_size_px, config.autoencoder.num_motion_directions
        self.model = AnchorMotion(directions, side).to(config.device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), config.learning_rate, betas=(0.9, 0.99), weight_decay=0.0
        )
        self.average = AveragedWeights(self.model, config.average_decay)
        self.step = 0
        self.metrics: dict[str, float] = {}
        self.provenance = provenance(config)
        if self.checkpoint_path.exists():
            self._resume()

    @property
    def checkpoint_path(self) -> Path:
        """Where the run's state is kept."""
        return self.folder / "anchors.pt"

    def _resume(self) -> None:
        state = load_checkpoint(self.checkpoint_path, needs=("model", "step", "metrics"))
        load_parameters(self.model, state["model"], str(self.checkpoint_path))
        self.average = AveragedWeights(self.model, self.config.average_decay)
        # What is kept for other machines is the averaged network alone.
        if "optimizer" in state:
            load_parameters(self.model, state["own"], str(self.checkpoint_path))
            self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.metrics = state["step"], state["metrics"]

    def save(self) -> None:
        """Write everything that resuming needs; `model` is the averaged network."""
        own = {name: value.clone() for name, value in self.model.state_dict().items()}
        with self.average.in_place_of(self.model):
            averaged = {name: value.clone() for name, value in self.model.state_dict().items()}
        state = {"model": averaged, "own": own, "optimizer": self.optimizer.state_dict(), "step": self.step}
        save_checkpoint(self.checkpoint_path, {**state, "provenance": self.provenance, "metrics": self.metrics})

    def draw(self, people: FacePlaces, misread: Floats, count: int, generator: np.random.Generator) -> AnchorBatch:
        """Pairs of a person's portrait and another of their motions, misread as a reader does."""
        who = generator.integers(len(people.places), size=count)
        is_portrait = generator.random(count) < _PORTRAIT_SHARE
        source = np.where(
            is_portrait, generator.integers(NUM_PORTRAITS, size=count), generator.integers(NUM_MOTIONS, size=count)
        )
        frame = generator.integers(NUM_MOTIONS, size=count)
        there, here = people.places[who, source], people.places[who, frame]
        directions = self.config.autoencoder.num_motion_directions
        points = (there[:, :NUM_SHAPE_POINTS].reshape(count, -1) - usual_points()) / SHAPE_SPREAD
        face = np.concatenate([points, to_coefficients(people.motion[who, source], directions)], 1)
        motion = to_coefficients(people.motion[who, frame], directions)
        size = generator.uniform(0, _LARGEST_MISREADING, (count, 1))
        reading = misread[generator.integers(len(misread), size=count)]
        is_read = generator.random((count, 1)) < _READ_SHARE
        other = reading[np.arange(count), generator.integers(1, 1 + NUM_MISREAD, count), -directions:]
        told = face + reading[:, 0] * size, motion + other * size * is_read
        side = self.config.autoencoder.image_size_px
        back = (there[:, :NUM_TRACKED] - here[:, :NUM_TRACKED]) * side
        arrays = (*told, here * side, back)
        return AnchorBatch(torch.from_numpy(each.astype(np.float32)).to(self.config.device) for each in arrays)

    def losses(self, batch: AnchorBatch) -> tuple[Tensor, Tensor]:
        """Mean error along an axis of places, and of the ways back from them, in pixels."""
        face, motion, place, back = batch
        moved, told = self.model.moves(face, motion)
        start = self.model.usual * self.config.autoencoder.image_size_px
        return (moved + start - place).abs().mean(), (told - back).abs().mean()

    def train_step(self, batch: AnchorBatch) -> float:
        """One optimiser step; returns the loss."""
        config = self.config
        rate = config.learning_rate * min(1.0, (self.step + 1) / config.warm_up_steps)
        rate *= 0.5 * (1 + math.cos(math.pi * min(1.0, self.step / config.num_steps)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        of_places, of_ways = self.losses(batch)
        loss = _PLACE_WEIGHT * of_places + _BACK_WEIGHT * of_ways
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.average.update(self.model, self.step)
        self.step += 1
        return float(loss.detach())

    @torch.no_grad()
    def validate(self, people: FacePlaces, misread: Floats) -> dict[str, float]:
        """On people never trained on: errors as `losses` has them, of faces misread and of faces read rightly."""
        figures: dict[str, float] = {}
        with self.average.in_place_of(self.model):
            for name, errors in (("misread", misread), ("known", np.zeros_like(misread))):
                batch = self.draw(people, errors, 4096, np.random.default_rng(self.config.seed))
                places, ways = (float(each) for each in self.losses(batch))
                figures |= {f"places_{name}": places, f"ways_{name}": ways}
        return figures

    def run(self, people: FacePlaces, misread: Floats, seconds: float = float("inf")) -> None:
        """Train until the last step or until time is up; saves often."""
        started = saved = time.monotonic()
        kept = len(people.places) - max(1, len(people.places) // _HELD_OUT_SHARE)
        known, held_out = (FacePlaces(*(each[part] for each in people)) for part in (slice(kept), slice(kept, None)))
        if self.step == 0:
            usual = known.places[:, :NUM_PORTRAITS].mean((0, 1))
            usual[:NUM_SHAPE_POINTS] = usual_points().reshape(-1, 2)
            self.model.usual.copy_(torch.from_numpy(usual))
        generator = np.random.default_rng([self.config.seed, 13, self.step])
        losses: list[float] = []
        while self.step < self.config.num_steps and time.monotonic() - started < seconds:
            losses.append(self.train_step(self.draw(known, misread, self.config.batch, generator)))
            if self.step % _LOG_STEPS == 0:
                self._log(started, losses)
                losses = []
            if time.monotonic() - saved > self.config.save_every_s:
                self.metrics = self.validate(held_out, misread)
                self.save()
                saved = time.monotonic()
        self.metrics = self.validate(held_out, misread)
        self._log(started, losses)
        self.save()

    def _log(self, started: float, losses: list[float]) -> None:
        line: dict[str, float] = {"step": self.step, "elapsed_s": round(time.monotonic() - started, 1)}
        if losses:
            line["loss"] = round(float(np.mean(losses)), 5)
        line.update({name: round(value, 5) for name, value in self.metrics.items()})
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "anchors.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")

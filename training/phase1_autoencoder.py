"""Phase 1: the motion auto-encoder, from painted pictures whose motion is known.

In:  painted batches (a source and driving frames of each person)
Out: a checkpoint of encoder and decoder

The painter's own motion stands in for the driving frame's coefficients, so the decoder has exact motion from the
first step and the basis directions have names; a reader of faces, trained apart, tells the source's shape. The decoder
grows: 64 px first, then 128, then 256, with the encoder at full size throughout (it costs little).
"""

import json
import math
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.checkpoint import load_checkpoint, load_parameters
from models.face_anchors import Anchors, anchors_at
from models.motion_autoencoder import MotionAutoencoder
from models.picture_window import Window
from training.checkpoints import AveragedWeights, save_averaged, save_checkpoint
from training.face_windows import WINDOW_MARGIN, draw_window, looked_at, trimmed
from training.motion_names import to_coefficients
from training.painted_frames import BatchShape, PaintedBatch, draw_batch, painted_batches, to_unit
from training.painted_readings import shape_of
from training.painted_sheet import write_sheet
from training.painter_landmarks import landmark_weights
from training.phase1_config import Phase1Config, Stage
from training.phase1_networks import open_reader, parameter_groups, start_from_the_portrait, train_above
from training.picture_losses import flow_loss, mask_loss, picture_loss, structure_loss
from training.provenance import provenance
from training.shared_gradients import agree, average_gradients, process_rank

_HELD_OUT_SEED = 987_654_321
_LOG_STEPS = 25
_OPENING_WEIGHT = 3.0


def sample(picture: Tensor, grid: Tensor) -> Tensor:
    """The picture [B, C, s, s] where the grid [B, S, S, 2] looks; black outside."""
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


class Painted(NamedTuple):
    """What the auto-encoder makes of a batch, or of a window of it at its finer levels.

    image: [P * K, 3, S, S]; beneath: [P * K, 3, s, s], what it is laid over, s is S or half of it
    grids, masks: each level's [P * K, s, s, 2] and [P * K, 1, s, s]
    """

    image: Tensor
    beneath: Tensor
    grids: list[Tensor]
    masks: list[Tensor]


class Phase1:
    """The auto-encoder in training; resumes where its checkpoint stands."""

    def __init__(self, config: Phase1Config, folder: Path) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.folder = folder
        self.model = MotionAutoencoder(config.autoencoder, with_reader=False)
        start_from_the_portrait(self.model)
        self.model.dec.direction.weight.requires_grad_(False)
        self.model.dec.direction.bake()
        self.model.to(config.device)
        self.optimizer = torch.optim.Adam(
            parameter_groups(self.model), config.stages[0].learning_rate, betas=(0.9, 0.99)
        )
        self.average = AveragedWeights(self.model, config.average_decay)
        self.reader = open_reader(folder / "reading.pt", config.autoencoder, config.device)
        self.step = 0
        self.metrics: dict[str, float] = {}
        self.flow_error = 0.0
        self.point_weights = torch.from_numpy(landmark_weights())[None, :, None].to(config.device)
        self.provenance = provenance(config)
        if self.checkpoint_path.exists():
            self._resume()

    @property
    def checkpoint_path(self) -> Path:
        """Where the run's state is kept."""
        return self.folder / "phase1.pt"

    def _resume(self) -> None:
        state = load_checkpoint(self.checkpoint_path, needs=("model", "optimizer", "average", "step"))
        load_parameters(self.model, state["model"], str(self.checkpoint_path))
        self.model.dec.direction.baked = None
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.values = {name: value.to(self.config.device) for name, value in state["average"].items()}
        self.step = state["step"]
        self.model.dec.direction.bake()

    def begin_with(self, weights: dict[str, Tensor], origin: str) -> None:
        """Start from averaged weights of an earlier run; raises BundleError when they do not fit."""
        load_parameters(self.model, weights, origin)
        self.model.dec.direction.baked = None
        self.model.dec.direction.bake()
        self.average = AveragedWeights(self.model, self.config.average_decay)

    def save(self) -> None:
        """Write everything that resuming needs, and the averaged weights alone in float16."""
        save_checkpoint(
            self.checkpoint_path,
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "average": self.average.values,
                "step": self.step,
                "provenance": self.provenance,
                "metrics": self.metrics,
            },
        )
        save_averaged(self.folder / "phase1_averaged.pt", self.average, self.step)

    def learning_rate(self, stage: Stage) -> float:
        """Of the next step."""
        rate = stage.learning_rate * min(1.0, (self.step + 1) / self.config.warm_up_steps)
        if not stage.falls:
            return rate
        before = sum(each.num_steps for each in self.config.stages[: self.config.stages.index(stage)])
        return rate * 0.5 * (1 + math.cos(math.pi * (self.step - before) / stage.num_steps))

    def stage(self) -> Stage | None:
        """The stage that the next step belongs to, None at the end."""
        end = 0
        for stage in self.config.stages:
            end += stage.num_steps
            if self.step < end:
                return stage
        return None

    def paint_from(self, batch: PaintedBatch, window: Window | None = None) -> Painted:
        """Frames of the batch's driving size, or a window of them, and the flows they came by.

        Where the decoder has not grown to its full size, the portrait is laid over the picture as its last level will:
        else all of hair and room would be learned by heart, only to be hidden later.
        """
        num_driving = batch.driving.shape[0] // batch.source.shape[0]
        side = batch.driving.shape[-1]
        num_levels = int(side // 8).bit_length()
        device = self.config.device
        directions = self.config.autoencoder.num_motion_directions
        driving = torch.from_numpy(to_coefficients(batch.driving_motion.numpy(), directions)).to(device)
        source = to_unit(batch.source, device)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=self.config.autocast):
            identity, features = self.model.enc.appearance(source, self.shape_of_sources(batch, source))
            latent = identity.repeat_interleave(num_driving, 0) + self.model.dec.direction(driving)
            repeated = [feature.repeat_interleave(num_driving, 0) for feature in features[:num_levels]]
            outer = None if window is None else window.grown(WINDOW_MARGIN)
            painted = self.model.dec.levels(latent, repeated, window=outer, anchors=self.anchors_of(batch))
            levels = list(islice(painted, num_levels))
        if window is not None and outer is not None:
            levels = trimmed(levels, window.within(outer))
        grids, masks = [level.grid for level in levels], [level.mask.float() for level in levels]
        if side == source.shape[-1] or not self.config.autoencoder.composites:
            return Painted(levels[-1].image.float(), levels[-2].image.float(), grids, masks)
        beneath = levels[-1].image.float()
        portrait = F.adaptive_avg_pool2d(source, side).repeat_interleave(num_driving, 0)
        return Painted(torch.lerp(beneath, sample(portrait, grids[-1]), masks[-1]), beneath, grids, masks)

    def shape_of_sources(self, batch: PaintedBatch, source: Tensor) -> Tensor | None:
        """What the reader reads of the sources; until one is trained, the painter's own points; None for FLOAT."""
        if not self.config.autoencoder.reads_apart:
            return None
        if self.reader is not None:
            with torch.no_grad():
                # Once is enough here, and a tenth of the work.
                shape: Tensor = self.reader.looks(source)[1].shape
            return shape
        every = batch.driving.shape[0] // batch.source.shape[0]
        points = batch.source_points[::every].numpy()
        return torch.from_numpy(np.stack([shape_of(each) for each in points])).to(source.device)

    def anchors_of(self, batch: PaintedBatch) -> Anchors | None:
        """The painter's own; None for FLOAT. Those that are told are a little off, which would be learned as blur."""
        config = self.config.autoencoder
        if not config.num_anchor_features:
            return None
        here, there = (each.to(self.config.device) for each in (batch.driving_anchors, batch.source_anchors))
        return anchors_at(here, there, config.image_size_px)

    def train_step(self, batch: PaintedBatch, stage: Stage) -> float:
        """One optimiser step; returns the picture loss."""
        rate = self.learning_rate(stage)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        device = self.config.device
        window = draw_window(self.config.seed, self.step) if stage.looks_at_faces else None
        painted = self.paint_from(batch, window)
        every_opening = batch.openings.to(device).float()
        openings = [
            looked_at(F.adaptive_avg_pool2d(every_opening, 8 * 2**level), window) for level in range(len(painted.masks))
        ]
        regions = looked_at(batch.regions.to(device).float(), window)
        weight = 1 + stage.region_weight * (regions + _OPENING_WEIGHT * openings[-1])
        target = looked_at(to_unit(batch.driving, device), window)
        loss = picture_loss(painted.image, target, weight)
        # What is painted must be right where the warp hides it as well, or the mask never learns to show it. But to
        # paint all of somebody's hair and room again, only to be hidden, takes what the mouth and the lids need.
        hidden = painted.masks[-1].detach() * (1 - regions) if self.config.autoencoder.composites else 0.0
        beneath_target, beneath_weight = (
            F.adaptive_avg_pool2d(each, (painted.beneath.shape[-2], painted.beneath.shape[-1]))
            for each in (target, weight * (1 - self.config.hidden_discount * hidden))
        )
        beneath = picture_loss(painted.beneath, beneath_target, beneath_weight)
        self.optimizer.zero_grad(set_to_none=True)
        showing = mask_loss(painted.masks, openings, weight)
        here, there = (2 * each.to(device) - 1 for each in (batch.driving_points, batch.source_points))
        flow = flow_loss(painted.grids, here, there, self.point_weights, window)
        (
            loss
            + self.config.structure_weight * structure_loss(painted.image, target, regions)
            + self.config.beneath_weight * beneath
            + self.config.mask_weight * showing
            + self.config.flow_weight * flow
        ).backward()
        self.flow_error = float(flow.detach())
        average_gradients(self.model)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.average.update(self.model, self.step)
        self.step += 1
        return float(loss.detach())

    @torch.no_grad()
    def validate(self, driving_px: int) -> dict[str, float]:
        """Errors on people never trained on, averaged weights.

        l1, l1_regions: L1 on [-1, 1] over whole frames, over mouth and eyes
        """
        shape = BatchShape(8, 2, self.config.autoencoder.image_size_px, driving_px)
        batch = draw_batch(shape, np.random.default_rng(_HELD_OUT_SEED))
        with self.average.in_place_of(self.model):
            painted = self.paint_from(batch)
        image = painted.image
        difference = (image - to_unit(batch.driving, self.config.device)).abs()
        regions = batch.regions.to(self.config.device).float()
        write_sheet(self.folder / "phase1.png", batch, image)
        return {
            "l1": float(difference.mean()),
            "l1_regions": float((difference * regions).sum() / (3 * regions.sum())),
        }

    def run(self, seconds: float = float("inf")) -> None:
        """Train until the last stage ends or time is up; saves often."""
        started = saved = time.monotonic()
        batches: Iterator[PaintedBatch] | None = None
        current: Stage | None = None
        losses: list[float] = []
        while (stage := self.stage()) is not None and agree(time.monotonic() - started < seconds):
            if stage != current or batches is None:
                shape = BatchShape(
                    self.config.num_people,
                    self.config.num_driving,
                    self.config.autoencoder.image_size_px,
                    stage.driving_px,
                )
                batches, current = self._painted(shape), stage
                train_above(self.model, stage.settled_px)
            losses.append(self.train_step(next(batches), stage))
            if process_rank() > 0:
                continue
            if self.step % _LOG_STEPS == 0:
                self._log(started, stage, losses)
                losses = []
            if time.monotonic() - saved > self.config.save_every_s:
                self.metrics = self.validate(stage.driving_px)
                self.save()
                saved = time.monotonic()
        if process_rank() == 0:
            self.metrics = self.validate((current or self.config.stages[-1]).driving_px)
            self.save()

    def _painted(self, shape: BatchShape) -> Iterator[PaintedBatch]:
        # People never come twice: not after resuming, nor in another process.
        seed = self.config.seed + 1000 * self.step + process_rank()
        return painted_batches(shape, seed, self.config.num_workers)

    def _log(self, started: float, stage: Stage, losses: list[float]) -> None:
        line: dict[str, float] = {
            "step": self.step,
            "driving_px": stage.driving_px,
            "elapsed_s": round(time.monotonic() - started, 1),
        }
        if losses:
            line["flow"] = round(self.flow_error, 5)
            line["loss"] = round(float(np.mean(losses)), 5)
        line.update({name: round(value, 5) for name, value in self.metrics.items()})
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "phase1.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")

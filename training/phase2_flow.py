"""Phase 2: audio encoder and flow transformer, from speech whose motion is known.

In:  clips of sound and true motion; the motion basis of phase 1's checkpoint
Out: a checkpoint of audio encoder and flow transformer

Windows of any length from 4 to 50 frames are drawn, so that the short windows of live serving, and their missing
look-ahead, are in the training distribution. Beside the flow, a linear layer reads the mouth's shape from the audio
features: without it the encoder learns phones only as fast as the noise lets it.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from models.audio_encoder import EMBEDDED_AUDIO, MelAudioConfig
from models.checkpoint import load_checkpoint, load_parameters
from models.flow_transformer import EMBEDDED_FLOW, Condition, FlowConfig
from training.checkpoints import AveragedWeights, save_averaged, save_checkpoint
from training.flow_matching import euler, flow_matching_loss, straight_path
from training.motion_names import MOTION_NAMES, from_coefficients
from training.provenance import provenance
from training.speech_clips import Clip
from training.speech_to_motion import MOUTH, SpeechToMotion, start_still
from training.speech_windows import Windows, WindowSampler, WindowShape

_LOG_STEPS = 25
_EULER_POINTS = 10


@dataclass(frozen=True)
class Phase2Config:
    """One run of phase 2. The dropouts are FLOAT's."""

    flow: FlowConfig = EMBEDDED_FLOW
    audio: MelAudioConfig = EMBEDDED_AUDIO
    num_steps: int = 6000
    batch_windows: int = 24
    learning_rate: float = 1e-3
    warm_up_steps: int = 200
    condition_dropout: float = 0.1
    carried_dropout: float = 0.5
    mouth_weight: float = 1.0
    average_decay: float = 0.999
    seed: int = 1
    device: str = "cpu"
    save_every_s: float = 120.0
    autocast: bool = True

    @property
    def windows(self) -> WindowShape:
        """The windows of a batch."""
        return WindowShape(
            self.batch_windows,
            self.flow.carried_frames,
            self.flow.window_frames,
            self.audio.context_frames,
            self.audio.lookahead_frames,
        )


class Phase2:
    """Audio encoder and flow transformer in training; resumes where its checkpoint stands.

    basis: [latent_dim, M], the motion directions of phase 1
    """

    def __init__(self, config: Phase2Config, basis: Tensor, folder: Path) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.folder = folder
        self.basis = basis.to(config.device)
        self.model = SpeechToMotion(config.audio, config.flow).to(config.device)
        start_still(self.model.fmt)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), config.learning_rate, weight_decay=0.01)
        self.average = AveragedWeights(self.model, config.average_decay)
        self.step = 0
        self.metrics: dict[str, float] = {}
        self.provenance = provenance(config)
        if self.checkpoint_path.exists():
            state = load_checkpoint(self.checkpoint_path, needs=("model", "optimizer", "average", "step"))
            load_parameters(self.model, state["model"], str(self.checkpoint_path))
            self.optimizer.load_state_dict(state["optimizer"])
            self.average.values = {name: value.to(config.device) for name, value in state["average"].items()}
            self.step = state["step"]

    @property
    def checkpoint_path(self) -> Path:
        """Where the run's state is kept."""
        return self.folder / "phase2.pt"

    def begin_with(self, weights: dict[str, Tensor], origin: str) -> None:
        """Start from averaged weights of an earlier run; raises BundleError when they do not fit."""
        load_parameters(self.model, weights, origin)
        self.average = AveragedWeights(self.model, self.config.average_decay)

    def save(self) -> None:
        """Write everything that resuming needs, and the averaged weights alone in float16."""
        save_checkpoint(
            self.checkpoint_path,
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "average": self.average.values,
                "basis": self.basis.cpu(),
                "step": self.step,
                "motion_names": list(MOTION_NAMES),
                "provenance": self.provenance,
                "metrics": self.metrics,
            },
        )
        save_averaged(self.folder / "phase2_averaged.pt", self.average, self.step)

    def condition(self, windows: Windows, features: Tensor) -> Condition:
        """Conditions of a batch before any is dropped. features: [B, 10 + N, A]."""
        carried = self.config.flow.carried_frames
        there = torch.arange(carried)[None] >= windows.num_missing[:, None]
        kept = there.float()[:, :, None].to(features.device)
        motion = windows.motion.to(features.device) @ self.basis.T
        return Condition(
            audio=features[:, carried:],
            carried_motion=motion[:, :carried] * kept,
            carried_audio=features[:, :carried] * kept,
            reference=windows.reference.to(features.device) @ self.basis.T,
            emotion=windows.emotion.to(features.device),
        )

    def train_step(self, windows: Windows) -> dict[str, float]:
        """One optimiser step; returns its losses."""
        config, device = self.config, self.config.device
        carried = config.flow.carried_frames
        # A short warm-up, then down along a cosine.
        progress = self.step / config.num_steps
        rate = (
            config.learning_rate
            * min(1.0, (self.step + 1) / config.warm_up_steps)
            * (0.5 + 0.5 * float(np.cos(np.pi * progress)))
        )
        for group in self.optimizer.param_groups:
            group["lr"] = max(rate, 1e-5)
        motion = windows.motion.to(device)
        features = self.model.audio_encoder(windows.pcm.to(device))
        mouth = F.mse_loss(self.model.mouth(features), motion[:, :, MOUTH])
        condition = self.drop(self.condition(windows, features))
        target = motion[:, carried:] @ self.basis.T
        noise = torch.randn_like(target)
        moment = torch.rand(target.shape[0], device=device)
        noisy, velocity = straight_path(noise, target, moment)
        # The sound's spectrum stays in float32: bfloat16 would drown quiet bands in loud ones.
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=config.autocast):
            predicted = self.model.fmt.evaluate(noisy, moment, condition)[:, carried:].float()
        # Only the basis' span carries motion; the rest of the latent is noise to be walked off.
        flow = flow_matching_loss(predicted, velocity)
        along = flow_matching_loss(predicted @ self.basis, velocity @ self.basis)
        self.optimizer.zero_grad(set_to_none=True)
        (flow + along + config.mouth_weight * mouth).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.average.update(self.model, self.step)
        self.step += 1
        return {"flow": float(flow.detach()), "along": float(along.detach()), "mouth": float(mouth.detach())}

    def drop(self, condition: Condition) -> Condition:
        """Leave out sound, reference and emotion one time in ten each, what was carried over one in two."""

        def keep(batch: int, probability: float) -> Tensor:
            return (torch.rand(batch, device=self.config.device) >= probability).float()

        batch, p = condition.audio.shape[0], self.config.condition_dropout
        # The loss over sound alone and over sound and emotion is what guidance subtracts: emotion goes with sound.
        audio = keep(batch, p)
        carried = keep(batch, self.config.carried_dropout)[:, None, None]
        return Condition(
            audio=condition.audio * audio[:, None, None],
            carried_motion=condition.carried_motion * carried,
            carried_audio=condition.carried_audio * carried,
            reference=condition.reference * keep(batch, p)[:, None],
            emotion=condition.emotion * (keep(batch, p) * audio)[:, None],
        )

    @torch.no_grad()
    def validate(self, sampler: WindowSampler) -> dict[str, float]:
        """Pearson r of sampled motion against truth on held-out clips, averaged weights, plain evaluation."""
        generator = np.random.default_rng(11)
        windows = sampler.draw(generator, clean=True)
        carried = self.config.flow.carried_frames
        device = self.config.device
        with self.average.in_place_of(self.model):
            condition = self.condition(windows, self.model.audio_encoder(windows.pcm.to(device)))
            noise = torch.randn(*condition.audio.shape[:2], self.basis.shape[0], device=device)

            def field(x: Tensor, moment: float) -> Tensor:
                times = torch.full((x.shape[0],), moment, device=device)
                velocity: Tensor = self.model.fmt.evaluate(x, times, condition)[:, carried:]
                return velocity

            drawn = from_coefficients((euler(field, noise, _EULER_POINTS) @ self.basis).cpu().numpy())
        truth = from_coefficients(windows.motion[:, carried:].numpy())
        names = [MOTION_NAMES[i] for i in MOUTH]
        return {f"r_{name}": correlation(drawn[..., i], truth[..., i]) for name, i in zip(names, MOUTH, strict=True)}

    def run(self, clips: list[Clip], held_out: list[Clip], seconds: float = float("inf")) -> None:
        """Train until the last step or time is up; saves often."""
        num_directions = self.basis.shape[1]
        sampler = WindowSampler(clips, self.config.windows, num_directions)
        unseen = WindowSampler(held_out, self.config.windows, num_directions)
        generator = np.random.default_rng([self.config.seed, self.step])
        started = saved = time.monotonic()
        losses: list[dict[str, float]] = []
        while self.step < self.config.num_steps and time.monotonic() - started < seconds:
            losses.append(self.train_step(sampler.draw(generator)))
            if self.step % _LOG_STEPS == 0:
                self._log(started, losses)
                losses = []
            if time.monotonic() - saved > self.config.save_every_s:
                self.metrics = self.validate(unseen)
                self.save()
                saved = time.monotonic()
        self.metrics = self.validate(unseen)
        self.save()
        self._log(started, losses)

    def _log(self, started: float, losses: list[dict[str, float]]) -> None:
        line: dict[str, float] = {"step": self.step, "elapsed_s": round(time.monotonic() - started, 1)}
        for name in losses[0] if losses else ():
            line[name] = round(float(np.mean([loss[name] for loss in losses])), 5)
        line.update({name: round(value, 3) for name, value in self.metrics.items()})
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "phase2.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Pearson r of all values, 0 where either does not vary."""
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread > 0 else 0.0

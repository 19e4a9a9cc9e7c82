"""Phase 2: audio encoder and flow transformer, from speech whose motion is known.

In:  clips of sound and true motion; the motion basis of phase 1's checkpoint
Out: a checkpoint of audio encoder and flow transformer

Windows of any length from 4 to 50 frames are drawn, so that the short windows of live serving, and their missing
look-ahead, are in the training distribution. Beside the flow, a linear layer reads the mouth's shape from the audio
features: without it the encoder learns phones only as fast as the noise lets it. Where chance drew the truth, the
flow starts from that chance (training/behaviour.py): lids, gaze and head are a rule to be learned, not an average.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.audio_encoder import EMBEDDED_AUDIO, MelAudioConfig
from models.checkpoint import load_checkpoint, load_parameters
from models.flow_transformer import EMBEDDED_FLOW, Condition, FlowConfig
from training.checkpoints import AveragedWeights, save_averaged, save_checkpoint
from training.flow_matching import flow_matching_loss, straight_path
from training.motion_names import MOTION_NAMES
from training.provenance import provenance
from training.speech_clips import Clip
from training.speech_to_motion import MOUTH, SpeechToMotion, start_still
from training.speech_validation import figures, validation_clips, with_chance
from training.speech_windows import Windows, WindowSampler, WindowShape

_LOG_STEPS = 25
# The solver's last evaluation lies at 8/9; what is nearer to 1 need not be learned.
_LATEST_MOMENT = 0.96
_SERVED_CUT = (5, 2)


@dataclass(frozen=True)
class Phase2Config:
    """One run of phase 2. The dropout of conditions is FLOAT's; what is carried over is left out less often than there.

    emphasis: weights of directions; the others have 1
    """

    flow: FlowConfig = EMBEDDED_FLOW
    audio: MelAudioConfig = EMBEDDED_AUDIO
    num_steps: int = 9000
    batch_windows: int = 24
    learning_rate: float = 1e-3
    warm_up_steps: int = 200
    condition_dropout: float = 0.1
    carried_dropout: float = 0.35
    mouth_weight: float = 1.0
    emphasis: tuple[tuple[str, float], ...] = (
        ("jaw", 2.0),
        ("lip_width", 2.0),
        ("lip_rounding", 2.0),
        ("lip_closing", 3.0),
        ("lip_tuck", 2.0),
        ("blink", 3.0),
    )
    average_decay: float = 0.999
    seed: int = 1
    device: str = "cpu"
    save_every_s: float = 120.0
    validate_every_s: float = 600.0
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
        weights = torch.ones(self.basis.shape[1])
        for name, emphasis in config.emphasis:
            weights[MOTION_NAMES.index(name)] = emphasis
        self.weighted_basis = self.basis * weights.sqrt().to(config.device)
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

    def condition(self, windows: Windows, features: Tensor, motion: Tensor) -> Condition:
        """Conditions of a batch before any is dropped. features: [B, 10 + N, A]; motion: [B, 10 + N, D]."""
        carried = self.config.flow.carried_frames
        there = torch.arange(carried)[None] >= windows.num_missing[:, None]
        kept = there.float()[:, :, None].to(features.device)
        return Condition(
            audio=features[:, carried:],
            carried_motion=motion[:, :carried] * kept,
            carried_audio=features[:, :carried] * kept,
            reference=windows.reference.to(features.device) @ self.basis.T,
            emotion=windows.emotion.to(features.device),
        )

    def train_step(self, windows: Windows, progress: float | None = None) -> dict[str, float]:
        """One optimiser step; returns its losses. progress: how much of the run is over, by steps if not given."""
        config, device = self.config, self.config.device
        carried = config.flow.carried_frames
        self._set_rate(self.step / config.num_steps if progress is None else progress)
        truth = windows.motion.to(device)
        features = self.model.audio_encoder(windows.pcm.to(device))
        mouth = F.mse_loss(self.model.mouth(features), truth[:, :, MOUTH])
        carries = self._keep(truth.shape[0], config.carried_dropout)[:, None, None]
        # The way back from where a stream strayed can't be known without what it carries over.
        motion = (truth + windows.stray.to(device) * carries) @ self.basis.T
        condition = self.drop(self.condition(windows, features, motion), carries)
        target = motion[:, carried:]
        noise = with_chance(torch.randn_like(target), windows.chance.to(device), self.basis)
        moment = torch.rand(target.shape[0], device=device) * _LATEST_MOMENT
        noisy, velocity = straight_path(noise, target, moment)
        # The sound's spectrum stays in float32: bfloat16 would drown quiet bands in loud ones.
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=config.autocast):
            predicted = self.model.fmt.evaluate(noisy, moment, condition)[:, carried:].float()
        # Only the basis' span carries motion; the rest of the latent is noise to be walked off.
        flow = flow_matching_loss(predicted, velocity, follows=True)
        along = flow_matching_loss(predicted @ self.weighted_basis, velocity @ self.weighted_basis, follows=True)
        self.optimizer.zero_grad(set_to_none=True)
        (flow + along + config.mouth_weight * mouth).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.average.update(self.model, self.step)
        self.step += 1
        return {"flow": float(flow.detach()), "along": float(along.detach()), "mouth": float(mouth.detach())}

    def drop(self, condition: Condition, carries: Tensor) -> Condition:
        """Leave out sound, reference and emotion one time in ten each; carries: [B, 1, 1], 0 where nothing is."""
        batch, p = condition.audio.shape[0], self.config.condition_dropout
        # The loss over sound alone and over sound and emotion is what guidance subtracts: emotion goes with sound.
        audio = self._keep(batch, p)
        return Condition(
            audio=condition.audio * audio[:, None, None],
            carried_motion=condition.carried_motion * carries,
            carried_audio=condition.carried_audio * carries,
            reference=condition.reference * self._keep(batch, p)[:, None],
            emotion=condition.emotion * (self._keep(batch, p) * audio)[:, None],
        )

    def validate(self, held_out: list[Clip], cut: tuple[int, int] | None = None) -> dict[str, float]:
        """Figures of the averaged weights on clips never trained on; cut: hop and look-ahead, else whole windows."""
        with self.average.in_place_of(self.model):
            cut = (self.config.flow.window_frames, 0) if cut is None else cut
            return figures(self.model, self.basis, validation_clips(held_out), cut)

    def _keep(self, batch: int, dropout: float) -> Tensor:
        return (torch.rand(batch, device=self.config.device) >= dropout).float()

    def _set_rate(self, progress: float) -> None:
        """A short warm-up, then down along a cosine."""
        config = self.config
        warm_up = min(1.0, (self.step + 1) / config.warm_up_steps)
        rate = config.learning_rate * warm_up * (0.5 + 0.5 * float(np.cos(np.pi * min(progress, 1.0))))
        for group in self.optimizer.param_groups:
            group["lr"] = max(rate, 1e-5)

    def run(self, clips: list[Clip], held_out: list[Clip], seconds: float = float("inf")) -> None:
        """Train until the last step or time is up, the rate falling towards whichever comes first; saves often."""
        sampler = WindowSampler(clips, self.config.windows, self.basis.shape[1])
        generator = np.random.default_rng([self.config.seed, self.step])
        started = saved = validated = time.monotonic()
        first_progress = self.step / self.config.num_steps
        losses: list[dict[str, float]] = []
        with ThreadPoolExecutor(1) as ahead:
            drawn = ahead.submit(sampler.draw, generator)
            while self.step < self.config.num_steps and (elapsed_s := time.monotonic() - started) < seconds:
                windows, drawn = drawn.result(), ahead.submit(sampler.draw, generator)
                by_time = first_progress + (1 - first_progress) * elapsed_s / seconds
                losses.append(self.train_step(windows, max(by_time, self.step / self.config.num_steps)))
                if self.step % _LOG_STEPS == 0:
                    self._log(started, losses)
                    losses = []
                if time.monotonic() - validated > self.config.validate_every_s:
                    self.metrics = self.validate(held_out)
                    validated = time.monotonic()
                if time.monotonic() - saved > self.config.save_every_s:
                    self.save()
                    saved = time.monotonic()
        self.save()
        self.metrics = self.validate(held_out)
        served = self.validate(held_out, _SERVED_CUT)
        self.metrics.update({f"{name}_served": value for name, value in served.items()})
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

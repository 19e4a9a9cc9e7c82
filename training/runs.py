"""The steps of making an avatar, as `float-avatar train` runs them: each in one folder, each to be resumed."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from contract.errors import BundleError, ConfigError
from models.checkpoint import load_checkpoint, load_parameters
from models.face_reader import FaceReader
from training.face_places import make_places, misreadings
from training.phase1_anchors import AnchorConfig, AnchorTraining
from training.phase1_autoencoder import Phase1
from training.phase1_config import Phase1Config
from training.phase1_reading import Reading, ReadingConfig
from training.phase2_flow import Phase2, Phase2Config
from training.shared_gradients import run_in_processes
from training.speech_clips import Clip, load_clips, make_clip, save_clips

_HELD_OUT_SHARE = 14


def make_speech(folder: Path, num_clips: int, seed: int) -> None:
    """Write FOLDER/speech.npz, and FOLDER/held_out.npz of voices and sentences that training never hears.

    Raises ConfigError when a synthesiser is not installed.
    """
    for name, count, held_out in (
        ("speech", num_clips, False),
        ("held_out", max(1, num_clips // _HELD_OUT_SHARE), True),
    ):
        clips = []
        for number in tqdm(range(count), unit="clip", desc=f"{name}.npz", disable=None):
            # Each clip has its own seed, so that clip 7 is the same however many are made.
            clips.append(make_clip(np.random.default_rng([seed, number, held_out]), held_out))
        save_clips(folder / f"{name}.npz", clips)


def train_autoencoder(
    folder: Path, seconds: float, warm_start: Path | None, device: str, seed: int, num_processes: int
) -> None:
    """Phase 1 in a folder, from its checkpoint or from averaged weights; the batch is shared out to the processes."""
    _check_device(device)
    config = Phase1Config(seed=seed, device=device)
    config = replace(config, num_people=max(1, config.num_people // num_processes))
    run_in_processes(partial(_train_autoencoder, config, folder, seconds, warm_start), num_processes)


def _train_autoencoder(config: Phase1Config, folder: Path, seconds: float, warm_start: Path | None) -> None:
    _prepare(config.device)
    training = Phase1(config, folder)
    if warm_start is not None and training.step == 0:
        training.begin_with(load_checkpoint(warm_start, needs=("average",))["average"], str(warm_start))
    training.run(seconds)


def train_reading(folder: Path, seconds: float, device: str, seed: int, num_processes: int) -> None:
    """Phase 1's reader of faces in a folder, from its checkpoint or from nothing."""
    _check_device(device)
    config = ReadingConfig(seed=seed, device=device)
    run_in_processes(partial(_train_reading, config, folder, seconds), num_processes)


def _train_reading(config: ReadingConfig, folder: Path, seconds: float) -> None:
    _prepare(config.device)
    Reading(config, folder).run(seconds)


def train_anchors(folder: Path, seconds: float, device: str, seed: int, num_processes: int) -> None:
    """Phase 1's anchors in a folder, of what its reader misreads, from their checkpoint or from nothing.

    Raises BundleError where there is no reader yet.
    """
    _check_device(device)
    _prepare(device)
    config = AnchorConfig(seed=seed, device=device)
    reader = FaceReader(config.autoencoder).eval()
    path = folder / "reading.pt"
    load_parameters(reader, load_checkpoint(path, needs=("model",))["model"], str(path))
    misread = misreadings(reader, config.num_misread, config.autoencoder.image_size_px, seed)
    training = AnchorTraining(config, folder)
    training.run(make_places(config.num_people, seed, num_processes), misread, seconds)


def train_flow(folder: Path, seconds: float, warm_start: Path | None, device: str, seed: int) -> None:
    """Phase 2 in a folder, on the motion basis of its phase 1."""
    _check_device(device)
    _prepare(device)
    basis = motion_basis(folder / "phase1.pt")
    clips, held_out = clips_of(folder, "speech"), clips_of(folder, "held_out")
    training = Phase2(Phase2Config(seed=seed, device=device), basis, folder)
    if warm_start is not None and training.step == 0:
        training.begin_with(load_checkpoint(warm_start, needs=("average",))["average"], str(warm_start))
    training.run(clips, held_out, seconds)


def motion_basis(phase1: Path) -> torch.Tensor:
    """The orthonormal motion directions of a phase 1 checkpoint: [latent_dim, directions]; raises BundleError."""
    average = load_checkpoint(phase1, needs=("average",))["average"]
    if "dec.direction.weight" not in average:
        raise BundleError(f"{phase1} has no motion basis, expected the checkpoint of phase 1")
    weight = average["dec.direction.weight"].float()
    basis: torch.Tensor = torch.linalg.qr(weight + 1e-8).Q
    return basis


def clips_of(folder: Path, name: str) -> list[Clip]:
    """Clips that `make_speech` wrote; raises MediaError when they are not there."""
    return load_clips(folder / f"{name}.npz")


def _check_device(device: str) -> None:
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device {device!r} can't be used here, expected cpu or cuda: {reason}") from error


def _prepare(device: str) -> None:
    if device == "cpu":
        # Tiny gradients make a CPU crawl where they are kept as denormal numbers.
        torch.set_flush_denormal(True)

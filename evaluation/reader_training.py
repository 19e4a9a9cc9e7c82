"""Trains the readers on painted frames, once for each painter: kept in the user's cache, never in the checkout.

In: a recipe. Out: `FaceReader`, with its own accuracy on painted people whom it never saw.
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from contract.packets import Float32Array
from evaluation.held_out import READER_SEED
from evaluation.lip_sync import pearson
from evaluation.painted_faces import NO_MOOD, Crowd, PaintedFaces, paint_crowds
from evaluation.readers import MARGIN_PX, READINGS, FaceReader, ReaderConfig, Readers, to_unit
from training import motion_names
from training.motion_names import MOTION_NAMES, SPREAD

# What decides how painted faces look and move, and how they are read.
_SOURCES = ("painter*.py", "motion_names.py", "behaviour.py", "viseme*.py", "speech_clips.py")
_OWN_SOURCES = ("face_crops.py", "held_out.py", "painted_faces.py", "reader_training.py", "readers.py")
_OPENING_SPREAD = 3.0
_CLOSED_OPENING, _OPEN_OPENING = 0.35, 1.3  # hundredths of the height: under one pixel, over three
_CLOSED_QUANTILE = 0.99
# What rows are read from counts more, of motion.
_EMPHASIS = {"opening": 3.0, "jaw": 2.0, "lip_rounding": 3.0}
_MOOD_WEIGHT, _PERSON_WEIGHT = 0.2, 0.2
# People have to be told apart by a margin (Wang et al., CosFace, CVPR 2018), so that those never met are, too.
_COSINE_SCALE, _COSINE_MARGIN = 16.0, 0.2


@dataclass(frozen=True)
class ReaderRecipe:
    """How the readers are trained.

    num_frames_each: frames of each of the people whom the networks learn to tell apart
    num_others, num_other_frames: further people, so that motion and mood are read from any face, and frames of each
    num_checked, num_checked_frames: people on whom the readers are checked, and frames of each
    num_passes: over all frames
    """

    networks: ReaderConfig = field(default_factory=ReaderConfig)
    num_frames_each: int = 16
    num_others: int = 800
    num_other_frames: int = 8
    num_checked: int = 60
    num_checked_frames: int = 16
    num_passes: int = 14
    batch_frames: int = 64
    learning_rate: float = 2e-3
    num_processes: int = 2
    seed: int = READER_SEED


QUICK_RECIPE = ReaderRecipe(ReaderConfig((8, 8, 8, 8), 16, 8, 4), 4, 4, 2, 3, 4, 2, 8, num_processes=1)


def open_reader(recipe: ReaderRecipe = ReaderRecipe()) -> FaceReader:
    """The readers of this painter from the cache, or trained now (minutes) and kept there."""
    path = cache_path(recipe)
    # A damaged file costs the minutes again, no more.
    with suppress(OSError, RuntimeError, KeyError, ValueError, EOFError, UnpicklingError):
        return _loaded(path, recipe)
    reader = train_reader(recipe)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        torch.save(
            {"weights": reader.readers.state_dict(), "closed_below": reader.closed_below, "checks": reader.checks}, part
        )
        part.replace(path)
    return reader


def cache_path(recipe: ReaderRecipe) -> Path:
    """Where readers of this recipe and this painter are kept."""
    painter, own = Path(motion_names.__file__).parent, Path(__file__).parent
    files = [path for pattern in _SOURCES for path in sorted(painter.glob(pattern))]
    digest = sha256(repr(recipe).encode())
    for path in (*files, *(own / name for name in _OWN_SOURCES)):
        digest.update(path.name.encode() + path.read_bytes())
    configured = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    return base / "float-avatar" / "readers" / f"{digest.hexdigest()[:32]}.pt"


def _loaded(path: Path, recipe: ReaderRecipe) -> FaceReader:
    state: dict[str, Any] = torch.load(path, weights_only=True)
    readers = Readers(recipe.networks)
    readers.load_state_dict(state["weights"])
    return FaceReader(readers, reading_spread(), state["closed_below"], state["checks"])


def reading_spread() -> Float32Array:
    """[len(READINGS)] float32: the unit of each of the networks' outputs."""
    values = [_OPENING_SPREAD if name == "opening" else SPREAD[MOTION_NAMES.index(name)] for name in READINGS]
    return np.array(values, np.float32)


def true_readings(faces: PaintedFaces) -> Float32Array:
    """What should be read from painted frames: [n, len(READINGS)] float32 in the painter's units."""
    columns = [faces.opening if name == "opening" else faces.motion[:, MOTION_NAMES.index(name)] for name in READINGS]
    return np.stack(columns, 1).astype(np.float32)


def train_reader(recipe: ReaderRecipe) -> FaceReader:
    """Paint, train, and check on people never trained on."""
    began = time.monotonic()
    torch.manual_seed(recipe.seed)
    faces = paint_crowds(_shares(recipe), recipe.num_processes)
    checked = paint_crowds([Crowd(recipe.seed, 10**6, recipe.num_checked, recipe.num_checked_frames)], 1)
    readers = Readers(recipe.networks)
    spread = reading_spread()
    _fit(readers, faces, true_readings(faces) / spread, recipe)
    reader = FaceReader(readers, spread, 0.0, {})
    closed_below, checks = check(reader, checked)
    return FaceReader(readers, spread, closed_below, {**checks, "training_s": time.monotonic() - began})


def _shares(recipe: ReaderRecipe) -> list[Crowd]:
    """The people to paint, in pieces that processes share."""
    known, pieces = recipe.networks.num_people, 4 * recipe.num_processes
    crowds = []
    for first, num_people, num_frames in (
        (0, known, recipe.num_frames_each),
        (known, recipe.num_others, recipe.num_other_frames),
    ):
        bounds = np.linspace(first, first + num_people, pieces + 1).astype(int)
        crowds += [Crowd(recipe.seed, int(a), int(b - a), num_frames) for a, b in pairwise(bounds)]
    return [crowd for crowd in crowds if crowd.num_people]


def _fit(readers: Readers, faces: PaintedFaces, targets: Float32Array, recipe: ReaderRecipe) -> None:
    generator = np.random.default_rng([recipe.seed, 2])
    weight = torch.tensor([_EMPHASIS.get(name, 1.0) for name in READINGS])
    steps = recipe.num_passes * max(1, len(targets) // recipe.batch_frames)
    optimizer = torch.optim.AdamW(readers.parameters(), recipe.learning_rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, max(2, steps + 1))
    readers.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for step in range(steps):
        if step * recipe.batch_frames % len(targets) < recipe.batch_frames:
            order = generator.permutation(len(targets))
        rows = np.take(order, range(step * recipe.batch_frames, (step + 1) * recipe.batch_frames), mode="wrap")
        mouth, eyes, face = (augmented(crops[rows], generator) for crops in (faces.mouth, faces.eyes, faces.face))
        with torch.autocast("cpu", torch.bfloat16):
            (readings, moods), embedded = readers.read_motion(mouth, eyes), readers.embed(face)
        readings, moods, embedded = readings.float(), moods.float(), embedded.float()
        wrong = F.smooth_l1_loss(readings, torch.from_numpy(targets[rows]), reduction="none", beta=0.1)
        loss = (wrong * weight).mean()
        mood, person = torch.from_numpy(faces.mood[rows]), torch.from_numpy(faces.person[rows])
        loss = loss + _MOOD_WEIGHT * _chosen_loss(moods, mood, mood != NO_MOOD)
        known = person < recipe.networks.num_people
        likeness = F.linear(embedded, F.normalize(readers.people.weight, dim=1))
        own = F.one_hot(person.clamp(max=recipe.networks.num_people - 1), recipe.networks.num_people)
        loss = loss + _PERSON_WEIGHT * _chosen_loss(_COSINE_SCALE * (likeness - _COSINE_MARGIN * own), person, known)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()


def _chosen_loss(logits: Tensor, labels: Tensor, chosen: Tensor) -> Tensor:
    if not bool(chosen.any()):
        return logits.sum() * 0
    return F.cross_entropy(logits[chosen], labels[chosen])


def augmented(crops: np.ndarray, generator: np.random.Generator) -> Tensor:
    """Shift, soften and tint crops by chance, so that a reader is not thrown by what a decoder makes of a face."""
    top, left = (int(v) for v in generator.integers(0, MARGIN_PX + 1, 2))
    height, width = (side - MARGIN_PX for side in crops.shape[1:3])
    pictures = to_unit(crops[:, top : top + height, left : left + width])
    chance = generator.random()
    if chance < 0.5:
        soft = F.avg_pool2d(pictures, 3, 1, 1, count_include_pad=False)
        pictures = torch.lerp(pictures, soft, float(generator.uniform(0.3, 1.0)))
        if chance < 0.2:
            pictures = F.avg_pool2d(pictures, 3, 1, 1, count_include_pad=False)
    size = (len(crops), 3, 1, 1)
    gain = torch.from_numpy(generator.uniform(0.85, 1.15, size).astype(np.float32))
    shift = torch.from_numpy(generator.normal(0, 0.06, size).astype(np.float32))
    grain = torch.randn(pictures.shape) * float(generator.uniform(0, 0.04))
    return (pictures * gain + shift + grain).contiguous(memory_format=torch.channels_last)


def check(reader: FaceReader, faces: PaintedFaces) -> tuple[float, dict[str, float]]:
    """The opening that best parts closed mouths from open ones, and how well everything is read."""
    found = reader.read_crops(faces.mouth, faces.eyes, faces.face)
    truth = true_readings(faces)
    checks = {f"r_{name}": pearson(truth[:, i], found.readings[:, i]) for i, name in enumerate(READINGS)}
    opening = found.of("opening")
    closed, opened = opening[faces.opening < _CLOSED_OPENING], opening[faces.opening > _OPEN_OPENING]
    closed_below, share = parting_value(closed, opened)
    if len(closed):
        # No wider than shut mouths are read, even where that costs no error.
        closed_below = min(closed_below, float(np.quantile(closed, _CLOSED_QUANTILE)))
    has_mood = faces.mood != NO_MOOD
    right = found.moods.argmax(1)[has_mood] == faces.mood[has_mood]
    checks |= {
        "mean_error_opening": float(np.abs(opening - faces.opening).mean()),
        "closed_or_open_share": share,
        "mood_share": float(right.mean()) if len(right) else 0.0,
        "person_share": nearest_is_own(found.embeddings, faces.person),
    }
    return closed_below, checks


def parting_value(low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """The value that parts two sets with the least mean share of errors, and the mean share that falls right."""
    if not len(low) or not len(high):
        return 0.0, 0.0
    values = np.unique(np.concatenate([low, high]))
    middles = (values[1:] + values[:-1]) / 2 if len(values) > 1 else values
    low_share, high_share = (np.searchsorted(np.sort(each), middles) / len(each) for each in (low, high))
    right = (low_share + 1 - high_share) / 2
    best = np.flatnonzero(right >= right.max() - 1e-12)
    return float(middles[best[len(best) // 2]]), float(right.max())


def nearest_is_own(embeddings: np.ndarray, person: np.ndarray) -> float:
    """Share of frames whose nearest other frame shows the same person. embeddings: [n, dim] of length 1."""
    likeness = embeddings @ embeddings.T
    np.fill_diagonal(likeness, -np.inf)
    return float((person[likeness.argmax(1)] == person).mean())

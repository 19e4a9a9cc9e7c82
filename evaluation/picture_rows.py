"""Rows about single pictures: how near the painter's they are, whose face they show, and how long one takes.

In: an examination. Out: figures, and sheets of pictures for the eye.
"""

import os
import time
from collections import defaultdict

import numpy as np

from contract.packets import Float32Array, UInt8Array
from contract.spec import EMOTIONS
from evaluation.examination import Examination, sheet
from evaluation.face_crops import Framing
from evaluation.held_out import JUDGE_SEED, babble, person, wide_motion
from evaluation.image_quality import l1_map, mean_inside, ssim_map
from evaluation.puppet import Puppet
from evaluation.table import Figure, not_measured
from pipeline.portrait import Portrait
from training.painter import mouth_and_eye_boxes, paint

_NUM_ROUNDS = 5
_WARM_UP_FRAMES = 5
_TALKING_FRAMES = 60


def image(exam: Examination) -> list[Figure]:
    """A portrait shown in the motion that our encoder reads from another frame of its person, against that frame."""
    puppet, side = exam.puppet, exam.puppet.spec.image_size_px
    scores: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    rows: list[list[UInt8Array]] = []
    for number in range(exam.size.num_pictured):
        identity = person(number)
        source, portrait = exam.painted_portrait(identity)
        row = [source]
        for kind, motions in (("talking", _talking(exam, number)), ("wide", _wide(exam, number))):
            wanted = [paint(identity, motion, side) for motion in motions]
            read = np.concatenate([puppet.portrait(frame).reference_motion for frame in wanted])
            latents = {"read": read, "told": puppet.latents(motions)}
            shown = {way: list(puppet.pose(portrait, each)) for way, each in latents.items()}
            for i, motion in enumerate(motions):
                boxes = mouth_and_eye_boxes(identity, motion, side)
                for way, frames in shown.items():
                    likeness = mean_inside(ssim_map(wanted[i], frames[i]), boxes)
                    scores[kind, way].append((likeness, mean_inside(l1_map(wanted[i], frames[i]), boxes)))
            row += [each[0] for each in (wanted, shown["read"], shown["told"])]
            row += [each[-1] for each in (wanted, shown["read"], shown["told"])]
        rows.append(row)
    exam.sheets["image"] = sheet(rows[:6])
    ssim, l1 = np.mean(scores["talking", "read"], 0)
    how = f"{exam.size.num_pictured} people, {len(scores['talking', 'read'])} frames of talking in all moods"
    figures = [
        Figure("image", "SSIM in mouth and eyes against the painter", float(ssim), 0.92, 0.95, "higher", "", how),
        Figure("image", "L1 in mouth and eyes, levels of 255", float(l1), 8, 5, "lower", "", how),
    ]
    others = (
        ("talking", "told", "the decoder alone, told the true motion"),
        ("wide", "read", "over the painter's whole range of motion"),
        ("wide", "told", "over the whole range, told the true motion"),
    )
    for kind, way, name in others:
        ssim, l1 = np.mean(scores[kind, way], 0)
        figures.append(Figure("image", f"{name}: SSIM", float(ssim), better="neither"))
        figures.append(Figure("image", f"{name}: L1", float(l1), better="neither"))
    return figures


def identity(exam: Examination) -> list[Figure]:
    """Frames of one person across motions nearer each other than to any other person's."""
    found_parts, truth_parts, owners = [], [], []
    for number in range(exam.size.num_pictured):
        who = person(number)
        _, portrait = exam.painted_portrait(who)
        motions = np.concatenate([_talking(exam, number), _wide(exam, number)])
        generated = np.stack(list(exam.puppet.pose(portrait, exam.puppet.latents(motions))))
        painted = np.stack([paint(who, motion, exam.puppet.spec.image_size_px) for motion in motions])
        found_parts.append(exam.reader.read(generated, Framing.of(who)).embeddings)
        truth_parts.append(exam.reader.read(painted, Framing.of(who)).embeddings)
        owners += [number] * len(motions)
    found, truth = np.concatenate(found_parts), np.concatenate(truth_parts)
    owner = np.array(owners)
    how = f"{len(owner)} frames of {exam.size.num_pictured} people"
    ceiling = f"{how}; the painter's own frames among themselves reach {100 * nearest(truth, truth, owner):.1f} %"
    return [
        Figure(
            "identity", "frames nearest to another frame of the same person", nearest(found, found, owner), 0.99,
            unit="%", note=ceiling,
        ),
        Figure(
            "identity", "frames nearest to a painted frame of the same person", nearest(found, truth, owner),
            better="neither", unit="%", note=how,
        ),
    ]  # fmt: skip


def nearest(queries: Float32Array, gallery: Float32Array, owner: np.ndarray) -> float:
    """Share of queries whose nearest frame of the gallery is of the same person; no frame is compared with itself.

    queries, gallery: [n, dim] of length 1, frame i of both in the same motion
    """
    likeness = queries @ gallery.T
    np.fill_diagonal(likeness, -np.inf)
    return float((owner[likeness.argmax(1)] == owner).mean())


def speed(exam: Examination) -> list[Figure]:
    """Milliseconds a frame of the decoder with the pyramid bound, on two threads."""
    figures = []
    for precision, bar, goal in (("bfloat16", 12.0, 8.0), ("float32", 20.0, 14.0), ("auto", None, None)):
        # Some processors take 8 bits for some of it, which has no bar of its own.
        name = f"one frame of the decoder, {'as served here' if precision == 'auto' else precision}"
        puppet = Puppet(exam.bundle, precision=precision, num_threads=2, frames_at_once=1)
        engine = type(puppet.avatar.engines.frame_decoder).__name__
        if engine != "OpenVinoEngine":
            figures += not_measured("speed", [name], f"OpenVINO is not installed, {engine} is")
            continue
        _, portrait = exam.painted_portrait(person(0))
        rounds_ms = _rounds(puppet, portrait, exam.size.num_timed_frames)
        puppet.close()
        how = f"OpenVINO, two threads, median of {_NUM_ROUNDS} rounds of {exam.size.num_timed_frames} frames"
        # What else the machine was doing decides such a figure.
        how += f", the fastest {min(rounds_ms):.1f} ms; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        figures.append(Figure("speed", name, float(np.median(rounds_ms)), bar, goal, "lower", "ms", how))
    return figures


def _rounds(puppet: Puppet, portrait: Portrait, num_frames: int) -> list[float]:
    """Mean milliseconds a frame of each round."""
    decoder = puppet.decoder(portrait)
    latents = puppet.latents(np.stack([wide_motion(i) for i in range(num_frames + _WARM_UP_FRAMES)]))
    for latent in latents[:_WARM_UP_FRAMES]:
        decoder.run(motion_latent=latent[None])
    rounds_ms = []
    for _ in range(_NUM_ROUNDS):
        began_s = time.perf_counter()
        for latent in latents[_WARM_UP_FRAMES:]:
            decoder.run(motion_latent=latent[None])
        rounds_ms.append((time.perf_counter() - began_s) * 1000 / num_frames)
    return rounds_ms


def _talking(exam: Examination, number: int) -> Float32Array:
    """Motions of somebody who talks in a mood: [num_motions, ...]."""
    generator = np.random.default_rng([JUDGE_SEED, 5, number])
    clip = babble(_TALKING_FRAMES, number % len(EMOTIONS), generator)
    return clip.motion[generator.choice(_TALKING_FRAMES, exam.size.num_motions, replace=False)]


def _wide(exam: Examination, number: int) -> Float32Array:
    return np.stack([wide_motion(1000 * number + i) for i in range(exam.size.num_motions)])

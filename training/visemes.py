"""Phones to the motion of a mouth: targets blended by how strongly each insists, sampled at the middle of each frame.

In: phones with times, the loudness of the sound.  Out: jaw, lip_width, lip_rounding, lip_closing, lip_tuck at 25 Hz.
The blend is a weighted average over neighbouring phones (the dominance model of Cohen and Massaro, 1993, with
windows of finite length, so that the mouth is exactly at rest away from speech and needs little sound ahead).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from contract.packets import FRAMES_PER_S, SAMPLES_PER_FRAME, Float32Array
from training.motion_names import MOTION_NAMES
from training.speech_utterance import Phone
from training.viseme_table import SILENT_LABELS, visemes_of

FloatArray = NDArray[np.float64]
Hold = tuple[float, float, float]  # start and end in seconds, amount

MOUTH_NAMES = ("jaw", "lip_width", "lip_rounding", "lip_closing", "lip_tuck")
MOUTH_COLUMNS = tuple(MOTION_NAMES.index(name) for name in MOUTH_NAMES)

GRID_HZ = 200
STEPS_PER_FRAME = GRID_HZ // FRAMES_PER_S
JAW_WINDOW_S = 0.10
LIP_WINDOW_S = 0.17
# Lips and jaw are on their way before the sound is heard.
ANTICIPATION_S = 0.015
CLOSING_RAMP_S = 0.055
TUCK_RAMP_S = 0.05
# A pause shorter than this is a held mouth, not a rest.
SHORT_PAUSE_S = 0.12
QUIET_JAW, LOUD_JAW = 0.28, 1.20


def articulation(phones: Sequence[Phone], num_frames: int, loudness: Float32Array | None = None) -> Float32Array:
    """Draw the mouth for phones with known times.

    phones: label, start and end in seconds, in order; what they leave out is silence
    loudness: [num_frames] float32, about 0 to 1, scales the jaw; None leaves it as the phones want it
    returns [num_frames, 5] float32: the columns of MOUTH_NAMES; exactly 0 in silence
    """
    num_steps = num_frames * STEPS_PER_FRAME
    # Rest everywhere: target 0 with weight 1, overwritten by the phones.
    targets = np.zeros((3, num_steps))
    weights = np.ones((3, num_steps))
    closures: list[Hold] = []
    tucks: list[Hold] = []
    for label, start_s, end_s in phones:
        if label in SILENT_LABELS:
            if end_s - start_s < SHORT_PAUSE_S:
                weights[:, _steps(start_s, end_s, num_steps)] = 0.3
            continue
        parts = visemes_of(label)
        bounds_s = np.linspace(start_s, end_s, len(parts) + 1)
        for part, part_start_s, part_end_s in zip(parts, bounds_s, bounds_s[1:], strict=False):
            steps = _steps(float(part_start_s), float(part_end_s), num_steps)
            targets[:, steps] = np.array([part.jaw, part.width, part.rounding])[:, None]
            weights[:, steps] = np.array([part.jaw_weight, part.lip_weight, part.lip_weight])[:, None]
            if part.closing:
                closures.append((float(part_start_s), float(part_end_s), part.closing))
            if part.tuck:
                tucks.append((float(part_start_s), float(part_end_s), part.tuck))
    mouth = np.zeros((num_frames, 5))
    frame_steps = np.arange(num_frames) * STEPS_PER_FRAME + STEPS_PER_FRAME // 2
    for i, window_s in enumerate((JAW_WINDOW_S, LIP_WINDOW_S, LIP_WINDOW_S)):
        mouth[:, i] = _blended(targets[i], weights[i], window_s)[frame_steps]
    mouth[:, 3] = _held(closures, num_frames, CLOSING_RAMP_S)
    mouth[:, 4] = np.minimum(_held(tucks, num_frames, TUCK_RAMP_S), 1.0 - mouth[:, 3])
    if loudness is not None:
        mouth[:, 0] *= QUIET_JAW + (LOUD_JAW - QUIET_JAW) * np.clip(loudness, 0.0, 1.0)
    mouth[:, 0] *= (1.0 - 0.85 * mouth[:, 3]) * (1.0 - 0.6 * mouth[:, 4])
    lowest, highest = np.array([0.0, -1.0, 0.0, 0.0, 0.0]), np.ones(5)
    return np.clip(mouth, lowest, highest).astype(np.float32)


def frame_loudness(pcm: Float32Array, reference: float | None = None) -> Float32Array:
    """Loudness of each frame against the loud parts of the sound.

    pcm: [num_frames * 640] float32
    reference: rms that counts as loud; None takes the 90th percentile of the frames that are not silent
    returns [num_frames] float32, 0 in silence, about 1 on a loud vowel
    """
    rms = np.sqrt(np.mean(pcm.reshape(-1, SAMPLES_PER_FRAME).astype(np.float64) ** 2, axis=1))
    heard = rms[rms > 1e-3]
    if reference is None:
        reference = float(np.percentile(heard, 90)) if len(heard) else 1.0
    return (rms / reference).astype(np.float32)


def speech_frames(phones: Sequence[Phone], num_frames: int) -> NDArray[np.bool_]:
    """Whether the middle of each frame lies in a phone that is not a pause: [num_frames] bool."""
    middles_s = (np.arange(num_frames) + 0.5) / FRAMES_PER_S
    speaks = np.zeros(num_frames, bool)
    for label, start_s, end_s in phones:
        if label not in SILENT_LABELS:
            speaks |= (middles_s >= start_s) & (middles_s < end_s)
    return speaks


def _steps(start_s: float, end_s: float, num_steps: int) -> slice:
    start = round((start_s - ANTICIPATION_S) * GRID_HZ)
    return slice(max(0, start), min(num_steps, max(start + 1, round((end_s - ANTICIPATION_S) * GRID_HZ))))


def _blended(targets: FloatArray, weights: FloatArray, window_s: float) -> FloatArray:
    """Average of targets under a raised cosine, by weight."""
    num_taps = 2 * round(window_s * GRID_HZ / 2) + 1
    window = np.hanning(num_taps + 2)[1:-1]
    total = np.convolve(np.pad(weights, num_taps // 2, mode="edge"), window, mode="valid")
    blended = np.convolve(np.pad(weights * targets, num_taps // 2), window, mode="valid") / total
    # Rounding of the sums must not leave a trace in silence.
    return np.where(np.abs(blended) < 1e-9, 0.0, blended)


def _held(holds: list[Hold], num_frames: int, ramp_s: float) -> FloatArray:
    """The amount of each hold within its interval and in at least one frame, with smooth ramps on both sides."""
    held = np.zeros(num_frames)
    for start_s, end_s, amount in holds:
        nearest = int(np.clip((start_s + end_s) / 2 * FRAMES_PER_S, 0, num_frames - 1))
        middle_s = (nearest + 0.5) / FRAMES_PER_S
        first_s, last_s = min(start_s, middle_s), max(end_s, middle_s)
        first = max(0, int((first_s - ramp_s) * FRAMES_PER_S))
        last = min(num_frames, int((last_s + ramp_s) * FRAMES_PER_S) + 2)
        middles_s = (np.arange(first, last) + 0.5) / FRAMES_PER_S
        distance = np.maximum(np.maximum(first_s - middles_s, middles_s - last_s), 0.0) / ramp_s
        ramp = 0.5 + 0.5 * np.cos(np.pi * np.minimum(distance, 1.0))
        held[first:last] = np.maximum(held[first:last], amount * ramp)
    return held

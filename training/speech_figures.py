"""What can be counted of drawn motion: closures, blinks, head, rest, seams, mood.

Every function takes motion [num_frames, M] in the units of motion_names, as truth and samplers give it.
"""

from collections.abc import Sequence

import numpy as np

from contract.packets import FRAMES_PER_S, Float32Array
from contract.spec import EMOTIONS
from training.behaviour import held_offsets
from training.motion_names import MOTION_NAMES, SPREAD
from training.speech_utterance import Phone
from training.viseme_table import SILENT_LABELS, visemes_of

SHUT_LIDS = 0.6
PRESSED_LIPS = 0.6
CLOSED_JAW = 0.08
_COLUMN = {name: i for i, name in enumerate(MOTION_NAMES)}
_HELD_COLUMNS = [_COLUMN[name] for name in ("smile", "blink", "brow_raise", "brow_furrow", "sneer")]


def blinks_per_minute(motion: Float32Array) -> float:
    """How often the lids shut."""
    shut = motion[:, _COLUMN["blink"]] > SHUT_LIDS
    return float(np.sum(shut[1:] & ~shut[:-1])) / len(motion) * FRAMES_PER_S * 60.0


def head_spread(motion: Float32Array) -> float:
    """Deviation of yaw, pitch and roll together, in radians."""
    return float(np.sqrt(motion[:, :3].var(0).sum()))


def closures(motion: Float32Array, phones: Sequence[Phone]) -> tuple[int, int]:
    """How many p, b and m press the lips together in one of their frames, and how many there are."""
    num_kept = num_all = 0
    pressed = motion[:, _COLUMN["lip_closing"]] > PRESSED_LIPS
    for label, start_s, end_s in phones:
        if label in SILENT_LABELS or not any(part.closing >= 1.0 for part in visemes_of(label)):
            continue
        first, last = int(start_s * FRAMES_PER_S), int(end_s * FRAMES_PER_S) + 1
        if first < len(motion):
            num_all += 1
            num_kept += bool(pressed[first:last].any())
    return num_kept, num_all


def closed_share(motion: Float32Array) -> float:
    """Share of frames whose jaw is shut."""
    return float(np.mean(motion[:, _COLUMN["jaw"]] < CLOSED_JAW))


def seam_ratio(motion: Float32Array, hop_frames: int) -> float:
    """Median speed where windows meet over that within them, all directions in units of their spread."""
    speed = np.linalg.norm(np.diff(motion / SPREAD, axis=0), axis=1)
    at_seam = (np.arange(len(speed)) + 1) % hop_frames == 0
    return float(np.median(speed[at_seam]) / max(float(np.median(speed[~at_seam])), 1e-6))


def seen_emotion(motion: Float32Array) -> int:
    """The emotion whose held face is nearest to the mean of what is held here; frames of a blink left out."""
    open_eyed = motion[motion[:, _COLUMN["blink"]] < SHUT_LIDS]
    held = (open_eyed if len(open_eyed) else motion).mean(0)
    faces = np.stack([held_offsets(i) for i in range(len(EMOTIONS))])
    distance = np.linalg.norm(((faces - held) / SPREAD)[:, _HELD_COLUMNS], axis=1)
    return int(distance.argmin())


def correlation(a: Float32Array, b: Float32Array) -> float:
    """Pearson r of all values, 0 where either does not vary."""
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread > 0 else 0.0

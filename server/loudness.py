"""Whether a cut in a stretch of sound would be heard."""

import numpy as np

from contract.packets import Int16Array

QUIET_RMS = 300.0  # of 32768, about -40 dB


def is_quiet(voice: Int16Array) -> bool:
    """True where the sound is about silence. voice: [num_samples] int16."""
    return not len(voice) or float(np.sqrt(np.mean(np.square(voice, dtype=np.float64)))) < QUIET_RMS

"""Figures of the networks of phase 2 on clips never trained on: drawn as a stream is, counted against the truth.

The noise of validation is drawn from one seed, with the chance of the clips in it: what chance decided there is decided
here again, so that head, gaze and blinks have a truth as well.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from contract.packets import SAMPLES_PER_FRAME, Float32Array
from contract.spec import EMOTIONS
from models.flow_transformer import Condition
from training.behaviour import CHANCE_COLUMNS
from training.motion_names import MOTION_NAMES, from_coefficients
from training.speech_clips import Clip
from training.speech_figures import (
    blinks_per_minute,
    closed_share,
    closures,
    correlation,
    head_spread,
    seam_ratio,
    seen_emotion,
)
from training.speech_rolling import roll
from training.speech_to_motion import SpeechToMotion
from training.visemes import MOUTH_NAMES

_SEED = 11
_MOST_FRAMES = 250
_MOST_SPEAKING, _MOST_OTHER, _MOST_EMOTIONAL = 12, 4, 2
_FOLLOWED = (*MOUTH_NAMES, "yaw", "pitch", "blink", "gaze_x")


def validation_clips(clips: Sequence[Clip]) -> list[Clip]:
    """The clips that are drawn: some that speak, some that hold other sounds."""
    speaking = [clip for clip in clips if clip.speech_mask.any()][:_MOST_SPEAKING]
    return speaking + [clip for clip in clips if not clip.speech_mask.any()][:_MOST_OTHER]


def figures(model: SpeechToMotion, basis: Tensor, clips: Sequence[Clip], cut: tuple[int, int]) -> dict[str, float]:
    """Draw the clips with their own emotion, and the first with every emotion; count.

    basis: [D, M]; cut: hop and look-ahead of the windows
    returns Pearson r by name, shares of closures kept, of other sounds with the mouth closed and of emotions seen,
    blinks a minute and spread of the head against the truth, speed at seams over speed within windows
    """
    num_frames = min(_MOST_FRAMES, *(clip.num_frames for clip in clips))
    drawn = drawn_motion(model, basis, clips, [clip.emotion for clip in clips], cut)
    truth = np.stack([clip.motion[:num_frames] for clip in clips])
    speaking = [i for i, clip in enumerate(clips) if clip.speech_mask[:num_frames].any()]
    found: dict[str, float] = {}
    for name in _FOLLOWED:
        column = MOTION_NAMES.index(name)
        found[f"r_{name}"] = correlation(drawn[speaking][..., column], truth[speaking][..., column])
    counts = np.array([closures(drawn[i], clips[i].phones) for i in speaking]).sum(0)
    found["closures"] = float(counts[0] / max(counts[1], 1))
    found["blinks_per_minute"] = float(np.mean([blinks_per_minute(motion) for motion in drawn]))
    found["blinks_per_minute_true"] = float(np.mean([blinks_per_minute(motion) for motion in truth]))
    true_spread = float(np.mean([head_spread(truth[i]) for i in speaking]))
    found["head"] = float(np.mean([head_spread(drawn[i]) for i in speaking])) / max(true_spread, 1e-6)
    found["seams"] = float(np.mean([seam_ratio(drawn[i], cut[0]) for i in speaking]))
    others = [i for i in range(len(clips)) if i not in speaking]
    if others:
        found["closed"] = float(np.mean([closed_share(drawn[i]) for i in others]))
    emotional = [clips[i] for i in speaking[:_MOST_EMOTIONAL] for _ in EMOTIONS]
    wanted = list(range(len(EMOTIONS))) * (len(emotional) // len(EMOTIONS))
    seen = drawn_motion(model, basis, emotional, wanted, cut)
    found["emotions"] = float(np.mean([seen_emotion(m) == w for m, w in zip(seen, wanted, strict=True)]))
    return found


def drawn_motion(
    model: SpeechToMotion, basis: Tensor, clips: Sequence[Clip], emotions: Sequence[int], cut: tuple[int, int]
) -> Float32Array:
    """The first ten seconds of the clips in the given emotions: [clips, frames, M] in the units of motion_names."""
    device, config = basis.device, model.fmt.config
    num_frames = min(_MOST_FRAMES, *(clip.num_frames for clip in clips))
    latent_dim, num_directions = basis.shape
    noise = torch.randn(len(clips), num_frames, latent_dim, generator=torch.Generator().manual_seed(_SEED)).to(device)
    chance = torch.full((len(clips), num_frames, num_directions), torch.nan)
    for i, clip in enumerate(clips):
        if clip.chance is not None:
            chance[i][:, CHANCE_COLUMNS] = torch.from_numpy(clip.chance[:num_frames])
    with torch.no_grad():
        pcm = torch.from_numpy(np.stack([clip.pcm[: num_frames * SAMPLES_PER_FRAME] for clip in clips])).to(device)
        audio = model.audio_encoder.whole_clip(pcm)
    condition = Condition(
        audio=audio,
        carried_motion=torch.zeros(len(clips), config.carried_frames, latent_dim, device=device),
        carried_audio=torch.zeros(len(clips), config.carried_frames, audio.shape[-1], device=device),
        reference=torch.zeros(len(clips), latent_dim, device=device),
        emotion=torch.eye(len(EMOTIONS), device=device)[list(emotions)],
    )
    drawn = roll(model, basis, condition, with_chance(noise, chance.to(device), basis), cut)
    return from_coefficients(drawn.cpu().numpy())


def with_chance(noise: Tensor, chance: Tensor, basis: Tensor) -> Tensor:
    """Noise whose part along the motion directions is the chance, where that is known.

    noise: [B, N, D]; chance: [B, N, M], NaN where unknown; basis: [D, M], orthonormal
    """
    along = noise @ basis
    return noise + (torch.where(chance.isnan(), along, chance) - along) @ basis.T

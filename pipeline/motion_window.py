"""One window of motion: the carried-over frames and new ones, solved from noise.

In: what the window before left, audio features, an emotion, noise. Out: motion latents, and what the next one needs.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from contract.packets import Float32Array
from contract.spec import AvatarSpec
from engines.base import Engine


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """How one window is cut and solved; `hop_frames + lookahead_frames` is its number of new frames."""

    hop_frames: int
    lookahead_frames: int
    euler_points: int
    audio_guidance: float
    emotion_guidance: float


@dataclass(frozen=True, slots=True, eq=False)
class WindowState:
    """What one window leaves to the next.

    carried_motion: [carried_frames, latent_dim] float32, the last motion kept
    carried_audio: [carried_frames, audio_feature_dim] float32, its audio features
    """

    carried_motion: Float32Array
    carried_audio: Float32Array

    def after(self, motion: Float32Array, audio_features: Float32Array) -> "WindowState":
        """The state after further frames: [frames, latent_dim] and [frames, audio_feature_dim] float32."""
        num_carried = len(self.carried_motion)
        return WindowState(
            carried_motion=np.concatenate([self.carried_motion, motion])[-num_carried:],
            carried_audio=np.concatenate([self.carried_audio, audio_features])[-num_carried:],
        )


def first_state(spec: AvatarSpec) -> WindowState:
    """The state before the first window: zeros."""
    return WindowState(
        carried_motion=np.zeros((spec.carried_frames, spec.latent_dim), np.float32),
        carried_audio=np.zeros((spec.carried_frames, spec.audio_feature_dim), np.float32),
    )


def draw_motion(
    engine: Engine,
    settings: WindowSettings,
    state: WindowState,
    audio_features: Float32Array,
    emotion: Float32Array,
    noise: Float32Array,
) -> Float32Array:
    """Draw the motion of one window by Euler's method.

    engine: the flow transformer, with the portrait's `reference_motion` bound
    audio_features: [1 ... hop + lookahead, audio_feature_dim] float32; a short window repeats its last row
    emotion: [num_emotions] float32
    noise: [hop + lookahead, latent_dim] float32
    Returns motion [hop + lookahead, latent_dim] float32.
    """
    num_new = settings.hop_frames + settings.lookahead_frames
    num_given = len(audio_features)
    assert 1 <= num_given <= num_new, f"{num_given} audio features, expected 1 to {num_new}"
    assert len(noise) == num_new, f"{len(noise)} rows of noise, expected {num_new}"
    if num_given < num_new:
        audio_features = np.concatenate([audio_features, np.repeat(audio_features[-1:], num_new - num_given, axis=0)])
    fixed = {
        "audio_features": audio_features[None],
        "carried_motion": state.carried_motion[None],
        "carried_audio": state.carried_audio[None],
        "emotion": emotion[None],
        "audio_guidance": np.array([settings.audio_guidance], np.float32),
        "emotion_guidance": np.array([settings.emotion_guidance], np.float32),
    }
    motion = noise[None].astype(np.float32)
    times = np.linspace(0, 1, settings.euler_points, dtype=np.float32)
    for time, next_time in pairwise(times):
        velocity = engine.run(noisy_motion=motion, time=np.array([time], np.float32), **fixed)["velocity"]
        motion = motion + (next_time - time) * velocity
    drawn: Float32Array = motion[0].astype(np.float32)
    return drawn


def sample_window(
    engine: Engine,
    settings: WindowSettings,
    state: WindowState,
    audio_features: Float32Array,
    emotion: Float32Array,
    noise: Float32Array,
) -> tuple[Float32Array, WindowState]:
    """Draw the motion of one window and keep its first `hop_frames`; takes what `draw_motion` takes.

    Returns motion [at most hop_frames, latent_dim] float32, cut to the given audio, and the next window's state.
    """
    motion = draw_motion(engine, settings, state, audio_features, emotion, noise)
    kept = motion[: min(settings.hop_frames, len(audio_features))]
    return kept, state.after(kept, audio_features[: len(kept)])

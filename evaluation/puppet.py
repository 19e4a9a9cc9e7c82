"""The avatar that is judged: it speaks as it is served, and is moved by hand where the motion must be known.

In: a bundle's folder. Out: frames [num_frames, side, side, 3] uint8, and motion as coefficients of the basis.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from assembly.avatar_factory import open_avatar
from contract.packets import (
    SAMPLES_PER_FRAME,
    VOICE_SAMPLES_PER_FRAME,
    Float32Array,
    SpeechChunk,
    UInt8Array,
)
from contract.spec import AvatarSpec
from engines.base import Engine
from pipeline.avatar import NeuralAvatar, StreamSettings
from pipeline.conditions import Conditions
from pipeline.frame_renderer import to_picture
from pipeline.portrait import Portrait
from pipeline.voice_activity import LastingSilence
from training.motion_names import MOTION_NAMES, SPREAD

_SILENT_VOICE = np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16)


class Puppet:
    """One bundle, opened as it is served."""

    def __init__(
        self,
        bundle: Path,
        precision: str = "auto",
        num_threads: int | None = None,
        frames_at_once: int | None = None,
    ) -> None:
        """Open the bundle, as `open_avatar` does; raises BundleError, EngineError, ConfigError."""
        avatar = open_avatar(bundle, precision=precision, num_threads=num_threads, frames_at_once=frames_at_once)
        assert isinstance(avatar, NeuralAvatar), f"{type(avatar).__name__}, expected an avatar of networks"
        self.avatar = avatar

    @property
    def spec(self) -> AvatarSpec:
        """Sizes of the avatar."""
        return self.avatar.spec

    def close(self) -> None:
        """Release the engines."""
        self.avatar.close()

    def portrait(self, picture: UInt8Array) -> Portrait:
        """A portrait of a picture that is cut out and sized already."""
        return self.avatar.prepare(picture, crop=False)

    def film(self, portrait: Portrait, pcm: Float32Array, settings: StreamSettings) -> UInt8Array:
        """All frames of a portrait that speaks a sound. pcm: [num_frames * 640] float32."""
        stream = self.avatar.start(portrait, settings)
        frames = [frame.image for chunk in chunks_of(pcm) for frame in stream.push(chunk)]
        return np.stack([*frames, *(frame.image for frame in stream.flush())])

    def drawn_motion(self, portrait: Portrait, pcm: Float32Array, settings: StreamSettings) -> Float32Array:
        """The motion of that film without its pictures: [num_frames, directions] float32 coefficients."""
        engines, spec = self.avatar.engines, self.spec
        conditions = Conditions(engines.audio_encoder, spec, settings.emotion, engines.emotion_classifier)
        sampler = self.avatar.sampler(portrait, settings)
        silence = LastingSilence()
        frames = []
        for chunk in chunks_of(pcm):
            is_quiet = silence.push(chunk) and settings.relaxes_in_silence
            frames += [m for c in conditions.push(chunk) for m in sampler.push(c, is_quiet)]
        is_quiet = silence.lasts and settings.relaxes_in_silence
        frames += [m for c in conditions.flush() for m in sampler.push(c, is_quiet)] + sampler.flush()
        coefficients = np.stack([frame.motion_latent for frame in frames]) @ np.linalg.pinv(self.basis).T
        return coefficients.astype(np.float32)

    def decoder(self, portrait: Portrait) -> Engine:
        """The decoder with a portrait bound."""
        return self.avatar.engines.frame_decoder.bind(**portrait.of_decoder)

    def pose(self, portrait: Portrait, motion_latents: Float32Array) -> Iterator[UInt8Array]:
        """The portrait in each of the motions, [num_frames, latent_dim] float32."""
        decoder = self.decoder(portrait)
        for latent in motion_latents:
            frame = decoder.run(motion_latent=latent[None].astype(np.float32))["frame"][0]
            yield to_picture(frame.astype(np.float32, copy=False))

    def latents(self, motion: Float32Array) -> Float32Array:
        """Motion in the painter's units as latents; what the bundle has no name for is lost.

        motion: [num_frames, num_motions] float32
        Returns [num_frames, latent_dim] float32.
        """
        return (self.coefficients(motion) @ self.basis.T).astype(np.float32)

    def coefficients(self, motion: Float32Array) -> Float32Array:
        """Motion in the painter's units, [num_frames, num_motions], as coefficients [num_frames, directions]."""
        coefficients = np.zeros((len(motion), self.spec.num_motion_directions), np.float32)
        for column, name in enumerate(self.spec.motion_names):
            if name in MOTION_NAMES:
                index = MOTION_NAMES.index(name)
                coefficients[:, column] = motion[:, index] / SPREAD[index]
        return coefficients

    @cached_property
    def basis(self) -> Float32Array:
        """The motion directions [latent_dim, directions], solved from what the encoder makes of random pictures."""
        generator = np.random.default_rng(0)
        side, engine = self.spec.image_size_px, self.avatar.engines.portrait_encoder
        read, latents = [], []
        for _ in range(2 * self.spec.num_motion_directions):
            # Patches, not pixels: a convolution averages fine noise away and would read the same motion in all.
            coarse = generator.uniform(-1, 1, (3, 8, 8)).astype(np.float32)
            outputs = engine.run(image=np.kron(coarse, np.ones((1, side // 8, side // 8), np.float32))[None])
            read.append(outputs["motion_coefficients"][0])
            latents.append(outputs["reference_motion"][0])
        solved = np.linalg.lstsq(np.stack(read).astype(np.float64), np.stack(latents).astype(np.float64), rcond=None)[0]
        return solved.T.astype(np.float32)


def chunks_of(pcm: Float32Array) -> Iterator[SpeechChunk]:
    """Sound [n] float32 at 16 kHz in chunks, the last filled up with silence; nobody hears it, so no voice is kept."""
    for index in range(-(-len(pcm) // SAMPLES_PER_FRAME)):
        chunk = pcm[index * SAMPLES_PER_FRAME : (index + 1) * SAMPLES_PER_FRAME]
        padded = np.pad(chunk, (0, SAMPLES_PER_FRAME - len(chunk))).astype(np.float32)
        yield SpeechChunk(index, padded, _SILENT_VOICE)

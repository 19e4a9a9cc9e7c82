"""Stand-ins for what is slow, heavy or outside: engines of plain arithmetic, sound made of numbers.

Nothing of ours is patched in the tests; these are handed in where the real ones would be.
"""

import asyncio
from collections.abc import Callable, Iterator

import numpy as np

from contract.errors import EngineRunError
from contract.packets import SAMPLES_PER_FRAME, VOICE_SAMPLES_PER_FRAME, Float32Array, SpeechChunk
from contract.spec import AvatarSpec, EngineSignature
from engines.base import Array, OneAtATime
from engines.signature import check_inputs, check_some_inputs, without
from pipeline.avatar import AvatarEngines

TINY_SPEC = AvatarSpec(
    image_size_px=16,
    latent_dim=8,
    num_motion_directions=4,
    audio_feature_dim=6,
    pyramid_channels=(3, 2),
    window_frames=20,
    carried_frames=10,
    euler_points=4,
    audio_context_frames=3,
    audio_lookahead_frames=2,
    audio_chunk_frames=4,
)

Function = Callable[[dict[str, Array]], dict[str, Array]]


class FakeEngine(OneAtATime):
    """An engine that is a function; it checks its inputs as the real ones do, and keeps what it was run with.

    calls: the inputs of every run so far, shared with the engines bound from it
    """

    def __init__(self, signature: EngineSignature, function: Function) -> None:
        self.signature = signature
        self.calls: list[dict[str, Array]] = []
        self._function = function
        self._constants: dict[str, Array] = {}
        self._closed = False

    def run(self, **inputs: Array) -> dict[str, Array]:
        """Run the function on the inputs and the bound constants."""
        if self._closed:
            raise EngineRunError("the engine is closed")
        check_inputs(self.signature, inputs, self._constants)
        everything = {**self._constants, **inputs}
        self.calls.append(everything)
        return self._function(everything)

    def bind(self, **constants: Array) -> "FakeEngine":
        """The same function with some inputs kept."""
        check_some_inputs(self.signature, constants)
        bound = FakeEngine(without(self.signature, set(constants)), self._function)
        bound.calls = self.calls
        bound._constants = {**self._constants, **constants}
        return bound

    def close(self) -> None:
        """Refuse later runs."""
        self._closed = True


def constant_field(velocity: Float32Array, spec: AvatarSpec = TINY_SPEC) -> FakeEngine:
    """A flow transformer whose velocity is the same everywhere. velocity: [latent_dim] float32."""

    def field(inputs: dict[str, Array]) -> dict[str, Array]:
        return {"velocity": np.broadcast_to(velocity, inputs["noisy_motion"].shape).astype(np.float32)}

    return FakeEngine(spec.signature("flow_transformer"), field)


def linear_field(factor: float, spec: AvatarSpec = TINY_SPEC) -> FakeEngine:
    """A flow transformer whose velocity is the motion times a factor."""

    def field(inputs: dict[str, Array]) -> dict[str, Array]:
        return {"velocity": (factor * np.asarray(inputs["noisy_motion"], np.float32)).astype(np.float32)}

    return FakeEngine(spec.signature("flow_transformer"), field)


def conditioned_field(spec: AvatarSpec = TINY_SPEC) -> FakeEngine:
    """A flow transformer that reads all of its inputs, each token seeing two tokens to either side."""
    mix = np.random.default_rng(7).standard_normal((spec.audio_feature_dim, spec.latent_dim)).astype(np.float32)

    def field(inputs: dict[str, Array]) -> dict[str, Array]:
        arrays = {name: np.asarray(array, np.float32) for name, array in inputs.items()}
        motion = np.concatenate([arrays["carried_motion"], arrays["noisy_motion"]], axis=1)
        audio = np.concatenate([arrays["carried_audio"], arrays["audio_features"]], axis=1) @ mix
        tokens = np.pad(motion * 0.1 + audio, ((0, 0), (2, 2), (0, 0)))
        length = motion.shape[1]
        reach = sum(tokens[:, i : i + length] for i in range(5))
        scale = arrays["audio_guidance"] + 0.5 * arrays["emotion_guidance"] * arrays["emotion"] @ np.arange(7.0)
        velocity = reach * scale[:, None, None] + arrays["reference_motion"][:, None] - arrays["time"][:, None, None]
        return {"velocity": velocity[:, spec.carried_frames :].astype(np.float32)}

    return FakeEngine(spec.signature("flow_transformer"), field)


def window_encoder(spec: AvatarSpec = TINY_SPEC) -> FakeEngine:
    """An audio encoder whose every feature depends on every frame of the sound it is given."""
    frames = spec.audio_call_samples // SAMPLES_PER_FRAME
    shape = (2 * frames, spec.audio_chunk_frames * spec.audio_feature_dim)
    mix = np.random.default_rng(3).standard_normal(shape).astype(np.float32)

    def encode(inputs: dict[str, Array]) -> dict[str, Array]:
        sound = np.asarray(inputs["pcm"], np.float32).reshape(-1, frames, SAMPLES_PER_FRAME)
        figures = np.concatenate([sound.std(axis=2), sound.max(axis=2)], axis=1)
        features = np.tanh(figures @ mix)
        return {"audio_features": features.reshape(-1, spec.audio_chunk_frames, spec.audio_feature_dim)}

    return FakeEngine(spec.signature("audio_encoder"), encode)


def free_encoder(spec: AvatarSpec) -> FakeEngine:
    """An audio encoder with `audio_statistics` whose features depend on all of the frames and statistics given."""
    mix = np.random.default_rng(3).standard_normal((5, spec.audio_feature_dim)).astype(np.float32)

    def encode(inputs: dict[str, Array]) -> dict[str, Array]:
        sound = np.asarray(inputs["pcm"], np.float32).reshape(1, -1, SAMPLES_PER_FRAME)
        own = np.stack([sound.std(2), sound.max(2)], axis=2)
        everywhere = np.broadcast_to(own.mean(1, keepdims=True), own.shape)
        told = float(np.square(np.asarray(inputs["window_root"], np.float32)).sum())
        figures = np.concatenate([own, everywhere, np.full((1, own.shape[1], 1), told, np.float32)], axis=2)
        return {"audio_features": np.tanh(figures @ mix).astype(np.float32)}

    return FakeEngine(spec.signature("audio_encoder"), encode)


def portrait_reader(spec: AvatarSpec = TINY_SPEC, framing: Function | None = None) -> FakeEngine:
    """A portrait encoder whose latents are filled with the picture's mean, feature maps with its pixels.

    framing: gives the output `framing` of a spec that has it; without it every face lies where it should
    """

    def encode(inputs: dict[str, Array]) -> dict[str, Array]:
        image = np.asarray(inputs["image"], np.float32)
        mean = image.mean()
        outputs: dict[str, Array] = {
            "identity_latent": np.full((1, spec.latent_dim), mean, np.float32),
            "motion_coefficients": np.full((1, spec.num_motion_directions), mean, np.float32),
            "reference_motion": np.full((1, spec.latent_dim), 0.1 * mean, np.float32),
        }
        for i, shape in enumerate(spec.pyramid_shapes()):
            step = spec.image_size_px // shape[1]
            outputs[f"feature_{i}"] = np.broadcast_to(image[:, :1, ::step, ::step], (1, *shape)).copy()
        if spec.reads_framing:
            outputs |= framing(inputs) if framing else {"framing": np.zeros((1, 3), np.float32)}
        if spec.num_face_values:
            outputs["face"] = np.linspace(0, mean, spec.num_face_values, dtype=np.float32)[None]
        return outputs

    return FakeEngine(spec.signature("portrait_encoder"), encode)


def motion_painter(spec: AvatarSpec = TINY_SPEC) -> FakeEngine:
    """A decoder that writes the motion latent into the picture: column i holds its value i, squeezed to [-1, 1]."""

    def decode(inputs: dict[str, Array]) -> dict[str, Array]:
        latent = np.asarray(inputs["motion_latent"], np.float32) + np.asarray(inputs["identity_latent"], np.float32)
        side = spec.image_size_px
        columns = np.resize(np.tanh(latent[0] / 4), side)
        return {"frame": np.broadcast_to(columns, (1, 3, side, side)).astype(np.float32)}

    return FakeEngine(spec.signature("frame_decoder"), decode)


def fake_engines(spec: AvatarSpec = TINY_SPEC, flow: FakeEngine | None = None) -> AvatarEngines:
    """All the engines an avatar needs, of plain arithmetic."""
    return AvatarEngines(
        audio_encoder=free_encoder(spec) if spec.audio_statistics else window_encoder(spec),
        portrait_encoder=portrait_reader(spec),
        flow_transformer=flow or conditioned_field(spec),
        frame_decoder=motion_painter(spec),
    )


def noise_chunks(num_frames: int, seed: int = 0, first_index: int = 0) -> Iterator[SpeechChunk]:
    """Chunks of noise that grows and fades, as loud as speech."""
    rng = np.random.default_rng(seed)
    for i in range(num_frames):
        loudness = 0.05 + 0.2 * np.sin(i / 5) ** 2
        voice = rng.normal(0, loudness * 32767, VOICE_SAMPLES_PER_FRAME).clip(-32768, 32767).astype(np.int16)
        pcm = (voice[::3].astype(np.float32) / 32768).astype(np.float32)
        yield SpeechChunk(first_index + i, pcm, voice)


def silent_chunk(index: int) -> SpeechChunk:
    """40 ms of silence."""
    return SpeechChunk(index, np.zeros(SAMPLES_PER_FRAME, np.float32), np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16))


class FakeClock:
    """A server's clock that stands still until something sleeps on it, and then jumps."""

    def __init__(self) -> None:
        self.time_s = 1000.0

    def now_s(self) -> float:
        """The fake time."""
        return self.time_s

    async def sleep_until(self, time_s: float) -> None:
        """Be there at once, after giving other tasks a turn."""
        self.time_s = max(self.time_s, time_s)
        await asyncio.sleep(0)

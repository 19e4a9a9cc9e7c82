"""How long each component takes on each engine, beside the plain PyTorch modules.

In:  components as files and their specification; functions that run the plain modules
Out: `Latency`, one a component and engine

Rounds are interleaved: each runs every engine once more, so that what else the machine does hits all alike.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assembly.avatar_factory import of_one
from contract.spec import AvatarSpec, ComponentName, EngineSignature
from engines.base import Array, Engine, Precision
from engines.registry import open_engine

Run = Callable[[], dict[str, Array]]
PLAIN = "pytorch"
PRECISIONS: dict[str, tuple[Precision, ...]] = {"openvino": ("float32", "bfloat16"), "onnxruntime": ("float32",)}
# What the server binds once a portrait.
_BOUND: dict[ComponentName, tuple[str, ...]] = {"flow_transformer": ("reference_motion",)}
_PER_FRAME = ("motion_latent",)
_PEAK = 2.0
_NUM_WARM_UPS = 2
_ROUND_S = 0.3
_MOST_RUNS = 15


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """A backend in one precision."""

    backend: str
    precision: Precision

    def __str__(self) -> str:
        return f"{self.backend} {self.precision}"


@dataclass(frozen=True, slots=True)
class Latency:
    """One component on one engine.

    median_ms: median of the rounds' medians
    rounds_ms: median of each round
    times_faster: than the plain modules
    largest_error: to the reference's outputs; absolute for frames, over the largest value for all else; None for
        plain modules of other weights
    psnr_db: of frames to the reference's, values from -1 to 1; None for equal ones
    """

    component: ComponentName
    engine: str
    precision: str
    median_ms: float
    rounds_ms: tuple[float, ...]
    times_faster: float
    largest_error: float | None
    psnr_db: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PlainModules:
    """The plain PyTorch modules.

    runs: of each component, on the inputs that the engines get
    have_the_weights: True where they are the engines' own; else only the time can be compared
    """

    runs: Mapping[str, Run]
    have_the_weights: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured.

    files: of each component
    num_rounds, num_threads: of the measurement, and of each engine
    """

    spec: AvatarSpec
    files: Mapping[ComponentName, Path]
    engines: tuple[EngineChoice, ...]
    num_rounds: int = 5
    num_threads: int = 2


def engine_choices(backends: tuple[str, ...], has_bfloat16: bool) -> tuple[EngineChoice, ...]:
    """Each backend in the precisions it has on this machine, the first one in float32 first."""
    choices = [EngineChoice(name, p) for name in backends for p in PRECISIONS.get(name, ("float32",))]
    return tuple(choice for choice in choices if choice.precision == "float32" or has_bfloat16)


def component_inputs(spec: AvatarSpec, seed: int = 0) -> dict[ComponentName, dict[str, Array]]:
    """A smooth picture, sound and a whole window for a batch of one; of the decoder only what changes a frame."""
    generator = np.random.default_rng(seed)
    frames, side = spec.window_frames, spec.image_size_px

    def normal(*shape: int) -> NDArray[np.float32]:
        return generator.standard_normal(shape).astype(np.float32)

    y, x = np.meshgrid(*[np.linspace(-3, 3, side, dtype=np.float32)] * 2, indexing="ij")
    audio: dict[str, Array] = {"pcm": normal(1, spec.audio_call_samples)}
    for tensor in spec.signature("audio_encoder").inputs[1:]:
        size = tensor.shape[-1]
        assert size is not None, f"{tensor.name} has a free width, expected a fixed one"
        is_mean = len(tensor.shape) == 2
        audio[tensor.name] = (np.zeros((1, size)) if is_mean else np.eye(size)[None]).astype(np.float32)
    return {
        "portrait_encoder": {"image": np.stack([np.sin(x + y), np.cos(x), np.sin(y)])[None] * np.float32(0.7)},
        "frame_decoder": {"motion_latent": normal(1, spec.latent_dim) * np.float32(0.3)},
        "flow_transformer": {
            "noisy_motion": normal(1, frames, spec.latent_dim),
            "audio_features": normal(1, frames, spec.audio_feature_dim),
            "carried_motion": normal(1, spec.carried_frames, spec.latent_dim),
            "carried_audio": normal(1, spec.carried_frames, spec.audio_feature_dim),
            "reference_motion": normal(1, spec.latent_dim),
            "emotion": np.eye(7, dtype=np.float32)[3:4],
            "time": np.array([0.3], np.float32),
            # FLOAT's own, so that every branch of guidance is evaluated, whatever the bundle's defaults are.
            "audio_guidance": np.array([2.0], np.float32),
            "emotion_guidance": np.array([1.0], np.float32),
        },
        "audio_encoder": audio,
    }


def measure_engines(
    subject: Subject,
    inputs: Mapping[ComponentName, Mapping[str, Array]],
    plain: PlainModules,
    on_component: Callable[[ComponentName], None] = lambda component: None,
) -> list[Latency]:
    """Measure all components, one after the other.

    inputs: as `component_inputs` gives them
    plain: the reference of errors where they have the weights, else the first engine is
    """
    given: dict[ComponentName, dict[str, Array]] = {name: dict(arrays) for name, arrays in inputs.items()}
    latencies: list[Latency] = []
    order: tuple[ComponentName, ...] = ("portrait_encoder", "frame_decoder", "flow_transformer", "audio_encoder")
    for component in order:
        on_component(component)
        if component == "frame_decoder":
            given[component] |= _portrait(subject, given["portrait_encoder"])
        latencies += _measure(subject, component, given[component], plain)
    return latencies


def frame_ms(decoder_ms: float, flow_ms: float, spec: AvatarSpec) -> float:
    """Time of one frame in whole windows: one picture, and its share of the window's evaluations."""
    return decoder_ms + (spec.euler_points - 1) * flow_ms / spec.window_frames


def rounds(runs: Mapping[str, Callable[[], object]], num_rounds: int) -> dict[str, tuple[float, ...]]:
    """Median milliseconds of each function in each of the interleaved rounds."""
    counts = {}
    for name, run in runs.items():
        for _ in range(_NUM_WARM_UPS):
            began = perf_counter()
            run()
            took_s = perf_counter() - began
        counts[name] = min(_MOST_RUNS, max(1, math.ceil(_ROUND_S / max(took_s, 1e-6))))
    medians: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(num_rounds):
        for name, run in runs.items():
            # Once unmeasured: the engine before has filled the caches with its own weights.
            run()
            took_ms = []
            for _ in range(counts[name]):
                began = perf_counter()
                run()
                took_ms.append(1000 * (perf_counter() - began))
            medians[name].append(median(took_ms))
    return {name: tuple(values) for name, values in medians.items()}


def largest_error(outputs: Mapping[str, Array], reference: Mapping[str, Array]) -> float:
    """Largest difference of any output that the reference has: of frames as it is, of others over the largest value."""
    errors = []
    for name, expected in reference.items():
        wanted = np.asarray(expected, np.float64)
        difference = float(np.abs(np.asarray(outputs[name], np.float64) - wanted).max())
        errors.append(difference if name == "frame" else difference / max(float(np.abs(wanted).max()), 1e-6))
    return max(errors)


def psnr_db(frame: Array, reference: Array) -> float | None:
    """Peak signal to noise ratio of frames with values from -1 to 1; None for equal ones."""
    error = float(np.mean(np.square(np.asarray(frame, np.float64) - np.asarray(reference, np.float64))))
    return None if error == 0 else 10 * math.log10(_PEAK**2 / error)


def _measure(subject: Subject, component: ComponentName, given: dict[str, Array], plain: PlainModules) -> list[Latency]:
    signature = of_one(subject.spec.signature(component))
    with ExitStack() as opened:
        runs: dict[str, Run] = {PLAIN: plain.runs[component]}
        for choice in subject.engines:
            engine, runs[str(choice)] = _open(subject, component, choice, signature, given)
            opened.callback(engine.close)
        outputs = {name: run() for name, run in runs.items() if name != PLAIN or plain.have_the_weights}
        took_ms = rounds(runs, subject.num_rounds)
    reference = next(iter(outputs.values()))

    def latency(name: str, engine: str, precision: str) -> Latency:
        has_outputs = name in outputs
        return Latency(
            component=component,
            engine=engine,
            precision=precision,
            median_ms=median(took_ms[name]),
            rounds_ms=took_ms[name],
            times_faster=median(took_ms[PLAIN]) / median(took_ms[name]),
            largest_error=largest_error(outputs[name], reference) if has_outputs else None,
            psnr_db=psnr_db(outputs[name]["frame"], reference["frame"])
            if has_outputs and "frame" in reference
            else None,
        )

    return [
        latency(PLAIN, PLAIN, "float32"),
        *(latency(str(choice), choice.backend, choice.precision) for choice in subject.engines),
    ]


def _open(
    subject: Subject,
    component: ComponentName,
    choice: EngineChoice,
    signature: EngineSignature,
    given: dict[str, Array],
) -> tuple[Engine, Run]:
    """An engine with what is fixed bound, as a stream holds it, and its run on the rest."""
    engine = open_engine(choice.backend, subject.files[component], signature, choice.precision, subject.num_threads)
    fixed = [name for name in given if _is_bound(component, name)]
    bound = engine
    if fixed:
        with closing(engine):
            bound = engine.bind(**{name: given[name] for name in fixed})
    changing = {name: array for name, array in given.items() if name not in fixed}
    return bound, lambda: bound.run(**changing)


def _is_bound(component: ComponentName, name: str) -> bool:
    if component == "frame_decoder":
        return name not in _PER_FRAME
    return name in _BOUND.get(component, ())


def _portrait(subject: Subject, given: Mapping[str, Array]) -> dict[str, Array]:
    """Identity and pyramid as the first engine reads them from the picture in float32."""
    signature = of_one(subject.spec.signature("portrait_encoder"))
    path, backend = subject.files["portrait_encoder"], subject.engines[0].backend
    with closing(open_engine(backend, path, signature, "float32", subject.num_threads)) as engine:
        outputs = engine.run(**given)
    wanted = {tensor.name for tensor in subject.spec.signature("frame_decoder").inputs}
    return {name: array for name, array in outputs.items() if name in wanted}

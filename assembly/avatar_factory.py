"""Opens a bundle: its manifest is checked, each component gets an engine, and an avatar comes out.

In: a bundle's folder and the engine's name. Out: `Avatar`, which sessions share.
"""

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bundles.manifest import Manifest, read_manifest
from bundles.motion_basis import read_motion_basis
from contract.errors import BundleError, ConfigError
from contract.spec import OPTIONAL_COMPONENTS, REQUIRED_COMPONENTS, ComponentName, EngineSignature, TensorSpec
from engines.activation_ranges import ranges_path
from engines.base import Engine, Precision
from engines.registry import open_engine, resolve_backend, takes_bfloat16, takes_int8
from pipeline.avatar import Avatar, AvatarEngines, NeuralAvatar, StreamSettings, motion_editor
from pipeline.face_detector import open_face_detector

PRECISIONS = ("auto", "float32", "bfloat16", "int8")
SMALL_BYTES = 64 * 2**20


def open_avatar(
    bundle: Path,
    engine: str = "auto",
    precision: str = "auto",
    settings: StreamSettings | None = None,
    num_threads: int | None = None,
    frames_at_once: int | None = None,
    face_model: Path | None = None,
) -> Avatar:
    """Open all components of a bundle.

    engine: "auto" or a backend of engines.registry
    precision: "auto" takes the lowest that the bundle says a component tolerates, where this machine computes it no
        slower, and 8 bits where clearly faster; "float32" and "bfloat16" ask for one in all components but the audio
        encoder, which is float32 always; "int8" asks for it in those that tolerate it, and is "auto" for the others
    settings: of the streams to come, where known; they are checked here, before the work of opening. With an emotion
        chosen the classifier is left closed
    num_threads: of each engine; None is one where sharing the work costs more than it gains, else the backend's choice
    frames_at_once: that are painted beside each other; None is two where the decoder is small and has threads for them
    face_model: a YuNet file that finds faces in pictures; None is the detector inside OpenCV
    Raises BundleError, EngineError, ConfigError.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"precision {precision!r}, expected one of {', '.join(PRECISIONS)}")
    backend = resolve_backend(engine)
    face_detector = open_face_detector(face_model)
    manifest = read_manifest(bundle)
    basis = read_motion_basis(bundle, manifest)
    if settings is not None:
        settings.window(manifest.spec)
        motion_editor(settings, manifest.spec, basis)

    def open_component(name: ComponentName) -> Engine:
        signature = of_one(manifest.spec.signature(name))
        artifact = bundle / manifest.components[name].file
        threads = _num_threads(name, artifact) if num_threads is None else num_threads
        runs_at_once = 1
        if name == "frame_decoder":
            runs_at_once = _frames_at_once(artifact, num_threads) if frames_at_once is None else frames_at_once
        chosen = _precision(manifest, name, precision, backend)
        ranges = manifest.components[name].ranges
        expected = ranges_path(artifact)
        if chosen == "int8" and ranges is not None and bundle / ranges.file != expected:
            raise BundleError(f"{bundle}: {name} has ranges in {ranges.file!r}, expected {expected.name}")
        if chosen == "int8" and ranges is None and expected.exists():
            raise BundleError(f"{bundle} has a file {expected.name} that its manifest does not name, expected none")
        return open_engine(backend, artifact, signature, chosen, threads, runs_at_once)

    # It takes memory and time to open, and nobody asks it when the emotion is chosen.
    unasked = ("emotion_classifier",) if settings is not None and settings.emotion is not None else ()
    names = [
        name
        for name in (*REQUIRED_COMPONENTS, *OPTIONAL_COMPONENTS)
        if name in manifest.components and name not in unasked
    ]
    engines: dict[ComponentName, Engine] = {}
    with ExitStack() as opened:
        for name in names:
            engines[name] = open_component(name)
            opened.callback(engines[name].close)
        avatar = NeuralAvatar(
            manifest.spec,
            AvatarEngines(
                audio_encoder=engines["audio_encoder"],
                portrait_encoder=engines["portrait_encoder"],
                flow_transformer=engines["flow_transformer"],
                frame_decoder=engines["frame_decoder"],
                emotion_classifier=engines.get("emotion_classifier"),
            ),
            basis,
            face_detector,
        )
        # From here on they are the avatar's to close; where one fails to open, none stays open.
        opened.pop_all()
    return avatar


def of_one(signature: EngineSignature) -> EngineSignature:
    """A signature for a batch of one: all that a stream runs, and what an engine is compiled for best."""

    def fix(tensors: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
        return tuple(replace(tensor, shape=(1, *tensor.shape[1:])) for tensor in tensors)

    return EngineSignature(fix(signature.inputs), fix(signature.outputs))


def _num_threads(name: ComponentName, artifact: Path) -> int | None:
    # These two work in proportion to their weights, and a small one is done before threads have met.
    is_small = name in ("audio_encoder", "flow_transformer") and artifact.stat().st_size < SMALL_BYTES
    return 1 if is_small else None


def _frames_at_once(artifact: Path, num_threads: int | None) -> int:
    # Two threads that share one frame wait for each other after every layer, and for whatever else wants their cores;
    # two frames of one thread each don't (docs/architecture.md, Two frames at once). It takes working memory twice.
    is_small = artifact.stat().st_size < SMALL_BYTES
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(2, num_threads or num_cores) if is_small else 1


def _precision(manifest: Manifest, name: ComponentName, asked: str, backend: str) -> Precision:
    if name == "audio_encoder" or asked == "float32":
        return "float32"
    if asked == "bfloat16":
        return "bfloat16"
    lowest = manifest.components[name].precision
    if lowest == "int8" and (asked == "int8" or takes_int8(backend)):
        return "int8"
    return "bfloat16" if lowest != "float32" and takes_bfloat16(backend) else "float32"

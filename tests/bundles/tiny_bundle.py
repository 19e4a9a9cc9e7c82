"""A whole bundle of the smallest kind: real ONNX files of plain arithmetic with the components' signatures."""

from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bundles.manifest import BundledPortrait, Component, Manifest, sha256_of, write_manifest
from contract.spec import EMOTIONS, OPTIONAL_COMPONENTS, AvatarSpec, ComponentName, TensorSpec

SPEC = AvatarSpec(
    image_size_px=32,
    latent_dim=8,
    num_motion_directions=4,
    audio_feature_dim=6,
    pyramid_channels=(3, 3, 2),
    window_frames=20,
    audio_context_frames=3,
    audio_lookahead_frames=2,
    audio_chunk_frames=2,
)
COMPONENTS: tuple[ComponentName, ...] = ("audio_encoder", "portrait_encoder", "flow_transformer", "frame_decoder")


class Graph:
    """Nodes and constants on their way to an ONNX file."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, array: np.ndarray) -> str:
        """A constant's name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def random(self, *shape: int) -> str:
        """A constant of normal noise."""
        return self.constant((self._rng.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32))

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: object) -> str:
        """A node's output."""
        name = output or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))  # type: ignore[arg-type]
        return name

    def mean(self, name: str, rank: int) -> str:
        """[B, 1]: the mean of each item of a batch."""
        flat = self.node("Flatten", name, axis=1) if rank > 2 else name
        axis = self.constant(np.array([1], np.int64))
        return self.node("ReduceMean", flat, axis, keepdims=1)

    def fill(self, value: str, tensor: TensorSpec) -> None:
        """An output that is a value [B, 1] times fixed noise."""
        sizes = [size or 1 for size in tensor.shape[1:]]
        row = self.node("MatMul", value, self.random(1, int(np.prod(sizes))))
        self.node("Reshape", row, self.constant(np.array([-1, *sizes], np.int64)), output=tensor.name)


def write_component(path: Path, name: ComponentName, spec: AvatarSpec = SPEC) -> None:
    """A component whose outputs depend on all of its inputs."""
    signature = spec.signature(name)
    graph = Graph(seed=len(name))
    if name == "flow_transformer":
        _draw_velocity(graph, spec)
    elif name == "audio_encoder" and spec.audio_statistics:
        _hear_freely(graph, spec)
    else:
        parts = [graph.mean(tensor.name, len(tensor.shape)) for tensor in signature.inputs]
        if name == "frame_decoder":
            parts.append(graph.node("MatMul", "motion_latent", graph.random(spec.latent_dim, 1)))
        if name == "audio_encoder":
            loud = graph.node("Abs", "pcm")
            parts.append(graph.node("MatMul", loud, graph.random(spec.audio_call_samples, 1)))
        value = graph.node("Tanh", graph.node("Sum", *parts))
        for tensor in signature.outputs:
            graph.fill(value, tensor)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            name,
            [_declare(tensor) for tensor in signature.inputs],
            [_declare(tensor) for tensor in signature.outputs],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_tiny_bundle(bundle: Path, spec: AvatarSpec = SPEC) -> Path:
    """Write the bundle and return its folder; with `audio_statistics` it has an emotion classifier, too, as FLOAT's."""
    (bundle / "portraits").mkdir(parents=True)
    names = (*COMPONENTS, *(OPTIONAL_COMPONENTS if spec.audio_statistics else ()))
    for name in names:
        write_component(bundle / f"{name}.onnx", name, spec)
    side = spec.image_size_px
    portraits = {}
    for i, person in enumerate(("anna", "ben")):
        picture = np.random.default_rng(i).integers(0, 256, (side, side, 3), np.uint8)
        cv2.imwrite(str(bundle / "portraits" / f"{person}.png"), picture)
        portraits[person] = BundledPortrait(f"portraits/{person}.png", person.title(), "Apache-2.0")
    components = {name: Component(f"{name}.onnx", "float32", sha256_of(bundle / f"{name}.onnx")) for name in names}
    write_manifest(bundle, Manifest("tiny", "Apache-2.0", spec, components, portraits, "anna", {"by": "a test"}))
    return bundle


def _draw_velocity(graph: Graph, spec: AvatarSpec) -> None:
    """velocity = audio @ noise - motion / 2 + what the other inputs have on average."""
    audio = graph.node("MatMul", "audio_features", graph.random(spec.audio_feature_dim, spec.latent_dim))
    half = graph.node("Mul", "noisy_motion", graph.constant(np.array(-0.5, np.float32)))
    axis = graph.constant(np.array([1], np.int64))
    emotion = graph.node("MatMul", "emotion", graph.random(len(EMOTIONS), 1))
    scales = [graph.node("Unsqueeze", name, axis) for name in ("time", "audio_guidance", "emotion_guidance")]
    means = [graph.mean("carried_motion", 3), graph.mean("carried_audio", 3), graph.mean("reference_motion", 2)]
    rest = graph.node("Unsqueeze", graph.node("Sum", emotion, *scales, *means), axis)
    graph.node("Sum", audio, half, graph.node("Mul", rest, graph.random(spec.latent_dim)), output="velocity")


def _hear_freely(graph: Graph, spec: AvatarSpec) -> None:
    """audio_features = tanh(each frame's loudness + the clip's and the statistics' means) @ noise."""
    frames = graph.node("Reshape", graph.node("Abs", "pcm"), graph.constant(np.array([1, -1, 640], np.int64)))
    axis = graph.constant(np.array([2], np.int64))
    loudness = graph.node("ReduceMean", frames, axis, keepdims=1)
    told = [graph.mean("pcm", 2), graph.mean("window_mean", 2), graph.mean("window_root", 3)]
    rest = graph.node("Unsqueeze", graph.node("Sum", *told), graph.constant(np.array([1], np.int64)))
    value = graph.node("Tanh", graph.node("Sum", loudness, rest))
    graph.node("MatMul", value, graph.random(1, spec.audio_feature_dim), output="audio_features")


def _declare(tensor: TensorSpec) -> onnx.ValueInfoProto:
    free = ("batch", "samples" if tensor.name == "pcm" else "time")
    shape = [free[i] if size is None else size for i, size in enumerate(tensor.shape)]
    return helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, shape)

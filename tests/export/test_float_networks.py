"""Every tensor of the downloaded files is used once, or known to be unused, or named in an error."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from contract.errors import BundleError
from export.float_networks import (
    CLASSIFIER_PREFIX,
    KNOWN_UNUSED,
    FloatFiles,
    FloatNetworks,
    FloatSizes,
    load_float,
)
from models.flow_transformer import FlowTransformer
from models.motion_autoencoder import MotionAutoencoder
from tests.export.tiny_float import (
    CLASSIFIER,
    SIZES,
    classifier_state,
    everything,
    float_state,
    wav2vec2_state,
    write_tiny_files,
)
from tests.golden import FOLDER

State = dict[str, Tensor]


@pytest.fixture
def files(tmp_path: Path) -> FloatFiles:
    return write_tiny_files(tmp_path)


def parameters(networks: FloatNetworks) -> State:
    modules: dict[str, nn.Module] = {
        "motion_autoencoder.": networks.autoencoder,
        "fmt.": networks.transformer,
        "audio_encoder.": networks.audio_encoder,
        CLASSIFIER_PREFIX: networks.emotion_classifier,
    }
    return {prefix + name: p for prefix, module in modules.items() for name, p in module.named_parameters()}


def assert_same(one: State, other: State) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


def test_each_parameter_gets_the_tensor_of_its_name(files: FloatFiles) -> None:
    networks = load_float(files, SIZES)
    found, expected = parameters(networks), everything()
    for name, parameter in found.items():
        older = name.replace("parametrizations.weight.original0", "weight_g")
        older = older.replace("parametrizations.weight.original1", "weight_v")
        assert torch.equal(parameter, expected[older] if older in expected else expected[name]), name
    assert networks.files_read == (
        files.checkpoint,
        files.wav2vec2 / "model.safetensors",
        files.emotion_classifier / "pytorch_model.bin",
    )
    assert not any(module.training for module in (networks.autoencoder, networks.transformer, networks.audio_encoder))


@pytest.mark.parametrize("name", ["float.safetensors", "other.pth"])
def test_one_file_may_hold_it_all_and_then_the_folders_weights_are_not_read(files: FloatFiles, name: str) -> None:
    whole = files.checkpoint.with_name(name)
    (save_file if whole.suffix == ".safetensors" else torch.save)(everything(), whole)
    expected = parameters(load_float(files, SIZES))
    (files.wav2vec2 / "model.safetensors").unlink()
    (files.emotion_classifier / "pytorch_model.bin").unlink()
    networks = load_float(FloatFiles(whole, files.wav2vec2, files.emotion_classifier), SIZES)
    assert_same(parameters(networks), expected)
    assert networks.files_read == (whole,)


def test_half_precision_is_widened(files: FloatFiles) -> None:
    torch.save({name: tensor.half() for name, tensor in float_state().items()}, files.checkpoint)
    networks = load_float(files, SIZES)
    assert all(parameter.dtype == torch.float32 for parameter in parameters(networks).values())


def renamed(state: State, old: str, new: str) -> None:
    state[new] = state.pop(old)


BIAS = "fmt.x_embedder.proj.bias"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda s: s.pop(BIAS), rf"1 tensor is missing: {BIAS}"),
        (lambda s: [s.pop(n) for n in list(s) if n.startswith("fmt.blocks.")], r"tensors are missing: .* and \d+ more"),
        (
            lambda s: s.update({"fmt.extra": torch.zeros(1)}),
            r"float\.pth: 1 tensor is unknown to the model: fmt\.extra",
        ),
        (lambda s: renamed(s, BIAS, "fmt.proj.bias"), rf"missing: {BIAS}"),
        (lambda s: s.update({BIAS: torch.zeros(3)}), rf"float\.pth: {BIAS} is \[3\], expected \[32\]"),
        (lambda s: s.update({BIAS: torch.zeros(32, 1)}), rf"{BIAS} is \[32, 1\], expected \[32\]"),
        (lambda s: s.update({BIAS: torch.full((32,), float("nan"))}), rf"{BIAS} holds values that are not finite"),
        (lambda s: s.update({BIAS: torch.zeros(32, dtype=torch.int32)}), rf"{BIAS} holds .*int32"),
        (lambda s: s.update({"fmt.pos_embed": torch.zeros(1, 60, 32)}), r"fmt\.pos_embed is no table of sinusoids"),
        (lambda s: s.update({"fmt.pos_embed": torch.zeros(1, 30, 32)}), r"fmt\.pos_embed is \[1, 30, 32\], expected"),
        (lambda s: renamed(s, "fmt.pos_embed", "fmt.pos_embedding"), r"unknown to the model: fmt\.pos_embedding"),
        (
            lambda s: s.update({"audio_encoder.wav2vec2.masked_spec_embed": torch.zeros(24)}),
            r"tensors are missing: audio_encoder\.wav2vec2\.",
        ),
        (
            lambda s: [s.pop(n) for n in list(s) if n.startswith(("fmt.", "motion_autoencoder."))],
            r"float\.pth is no checkpoint of FLOAT",
        ),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_named(
    files: FloatFiles, edit: Callable[[State], object], message: str
) -> None:
    state = float_state()
    edit(state)
    torch.save(state, files.checkpoint)
    with pytest.raises(BundleError, match=message):
        load_float(files, SIZES)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda s: s.pop("wav2vec2.encoder.layer_norm.bias"), r"missing: audio_encoder\.wav2vec2\.encoder\.layer_norm"),
        (
            lambda s: s.update({"quantizer.codevectors": torch.zeros(1)}),
            r"model\.safetensors: 1 tensor is unknown to the model: audio_encoder\.quantizer\.codevectors",
        ),
        (
            lambda s: s.update({"wav2vec2.encoder.pos_conv_embed.conv.weight_g": torch.zeros(1, 1, 3)}),
            r"model\.safetensors: .*original0 is \[1, 1, 3\], expected \[1, 1, 8\]",
        ),
        (
            lambda s: s.update(
                {"wav2vec2.encoder.pos_conv_embed.conv.parametrizations.weight.original0": torch.zeros(1, 1, 8)}
            ),
            "twice, in both spellings of weight norm",
        ),
    ],
)
def test_a_wav2vec2_folder_that_does_not_fit_is_named(
    files: FloatFiles, edit: Callable[[State], object], message: str
) -> None:
    state = wav2vec2_state()
    edit(state)
    save_file(state, files.wav2vec2 / "model.safetensors")
    with pytest.raises(BundleError, match=message):
        load_float(files, SIZES)


def test_a_classifier_of_other_emotions_is_refused(files: FloatFiles) -> None:
    state = classifier_state()
    state["classifier.out_proj.weight"] = torch.zeros(8, 24)
    torch.save(state, files.emotion_classifier / "pytorch_model.bin")
    with pytest.raises(BundleError, match=r"classifier\.out_proj\.weight is \[8, 24\], expected \[7, 24\]"):
        load_float(files, SIZES)


def test_a_classifier_of_another_size_than_its_own_config_is_refused(files: FloatFiles) -> None:
    (files.emotion_classifier / "config.json").write_text(json.dumps({**CLASSIFIER, "intermediate_size": 48}))
    with pytest.raises(BundleError, match=r"intermediate_dense\.weight is \[32, 24\], expected \[48, 24\]"):
        load_float(files, SIZES)


def test_truncated_files_are_refused(files: FloatFiles) -> None:
    for path in (files.emotion_classifier / "pytorch_model.bin", files.wav2vec2 / "model.safetensors"):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(BundleError, match=path.name):
            load_float(files, SIZES)


def test_missing_files_and_folders_are_named(files: FloatFiles) -> None:
    nowhere = files.checkpoint.with_name("nowhere")
    for found, message in (
        (FloatFiles(nowhere, files.wav2vec2, files.emotion_classifier), "nowhere is not there"),
        (FloatFiles(files.wav2vec2, files.wav2vec2, files.emotion_classifier), "is a folder, expected a checkpoint"),
        (FloatFiles(files.checkpoint, nowhere, files.emotion_classifier), r"nowhere.config\.json can't be read"),
        (FloatFiles(files.checkpoint, files.wav2vec2, nowhere), r"nowhere.config\.json can't be read"),
    ):
        with pytest.raises(BundleError, match=message):
            load_float(found, SIZES)


def test_the_released_names_are_all_known() -> None:
    """Of the released checkpoint's names and buffers, what no network takes is on the list of unused ones."""
    names = json.loads((FOLDER / "state_dict.json").read_text())
    unused = {name for name in {**names["parameters"], **names["buffers"]} if KNOWN_UNUSED.fullmatch(name)}
    assert set(names["buffers"]) <= unused
    with torch.device("meta"):
        sizes = FloatSizes()
        modules: dict[str, nn.Module] = {
            "motion_autoencoder.": MotionAutoencoder(sizes.autoencoder),
            "fmt.": FlowTransformer(sizes.flow),
        }
    taken = {prefix + name for prefix, module in modules.items() for name, _ in module.named_parameters()}
    taken |= {name for name in names["parameters"] if name.startswith("audio_encoder.audio_projection.")}
    assert taken | unused == {*names["parameters"], *names["buffers"]}
    assert not taken & unused

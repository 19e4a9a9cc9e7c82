"""Downloaded files become a bundle that opens and paints; whatever goes wrong, nothing half-written is left."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from assembly.avatar_factory import open_avatar
from bundles.manifest import read_manifest, sha256_of
from bundles.motion_basis import read_motion_basis
from contract.errors import BundleError
from contract.spec import EMOTIONS
from export.eight_bit_weights import store_in_8_bits
from export.float_networks import FloatFiles, load_float
from export.import_checkpoint import LICENCE, STEPS, import_checkpoint, shorten
from export.to_onnx import example_inputs, export_component, parity_error
from media.picture_file import read_picture
from pipeline.avatar import Avatar, NeuralAvatar, StreamSettings
from tests.export.tiny_float import SIZES, float_state, grey_portraits, write_tiny_files
from tests.fakes import noise_chunks

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT_BYTES = 20_000
# In a process whose files may not grow beyond a few kilobytes, as on a disk that is full.
IMPORT_WITH_LITTLE_SPACE = f"""
import resource, sys
from pathlib import Path
from contract.errors import BundleError
from export.float_networks import FloatFiles
from export.import_checkpoint import import_checkpoint
from tests.export.tiny_float import SIZES, grey_portraits

folder = Path(sys.argv[1])
files = FloatFiles(folder / "float.pth", folder / "wav2vec2-base-960h", folder / "speech-emotion")
resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT_BYTES}, {LIMIT_BYTES}))
try:
    import_checkpoint(files, grey_portraits(), folder / "bundles" / "float", print, SIZES)
except BundleError as error:
    sys.exit(f"refused: {{error}}")
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> FloatFiles:
    return write_tiny_files(tmp_path_factory.mktemp("downloads"))


@pytest.fixture(scope="module")
def steps() -> list[str]:
    return []


@pytest.fixture(scope="module")
def bundle(files: FloatFiles, steps: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("bundles") / "float"
    errors = import_checkpoint(files, grey_portraits(), output, steps.append, SIZES)
    assert set(errors) == set(STEPS[1:-1])
    assert max(errors.values()) < 1e-3
    return output


@pytest.fixture
def avatar(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Avatar]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    opened = open_avatar(bundle, precision="float32")
    yield opened
    opened.close()


def test_the_manifest_tells_what_was_imported_and_under_which_licence(bundle: Path, files: FloatFiles) -> None:
    manifest = read_manifest(bundle)
    assert (manifest.name, manifest.licence) == ("float", LICENCE)
    assert "CC BY-NC-ND 4.0, research only" in LICENCE
    assert manifest.spec == SIZES.spec()
    assert (manifest.spec.audio_guidance, manifest.spec.emotion_guidance) == (2, 1)
    assert (manifest.default_portrait, set(manifest.portraits)) == ("anna", {"anna", "ben"})
    assert manifest.made_by["read"][0] == {
        "file": f"{files.checkpoint.parent.name}/float.pth",
        "sha256": sha256_of(files.checkpoint),
    }
    assert len(manifest.made_by["read"]) == 3


def test_every_step_is_told_in_order(bundle: Path, steps: list[str]) -> None:
    assert bundle.is_dir()
    assert steps == list(STEPS)


def test_nothing_is_beside_the_bundle_and_nothing_foreign_in_it(bundle: Path) -> None:
    assert [path.name for path in bundle.parent.iterdir()] == ["float"]
    onnx = {f"{name}.onnx" for name in STEPS[1:-1]}
    assert {path.name for path in bundle.iterdir()} == {*onnx, "manifest.json", "motion_basis.npy", "portraits"}


def test_the_bundle_opens_and_paints_what_its_networks_do(bundle: Path, files: FloatFiles, avatar: Avatar) -> None:
    networks = load_float(files, SIZES)
    basis = networks.autoencoder.dec.direction.orthonormal().detach().numpy()
    np.testing.assert_array_equal(read_motion_basis(bundle, read_manifest(bundle)), basis)
    portrait = avatar.prepare(read_picture(bundle / "portraits" / "ben.png"), crop=False)
    image = torch.full((1, 3, 32, 32), (150 / 255 - 0.5) / 0.5)
    with torch.inference_mode():
        expected = networks.autoencoder.encode(image)[2].numpy()
    assert np.abs(portrait.reference_motion - expected).max() < 1e-4 * np.abs(expected).max()
    stream = avatar.start(portrait, StreamSettings(hop_frames=3, lookahead_frames=2))
    # Long enough that the classifier is asked.
    frames = [frame for chunk in noise_chunks(30) for frame in stream.push(chunk)]
    frames += list(stream.flush())
    assert [frame.index for frame in frames] == list(range(30))
    assert all(frame.image.shape == (32, 32, 3) for frame in frames)


def test_the_classifier_stays_closed_where_the_emotion_is_chosen(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for emotion, is_open in (("happy", False), (None, True)):
        avatar = open_avatar(bundle, precision="float32", settings=StreamSettings(emotion=emotion))
        assert isinstance(avatar, NeuralAvatar)
        assert (avatar.engines.emotion_classifier is not None) == is_open
        avatar.close()


def unheard(step: str) -> None:
    """Nobody watches the progress."""


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_a_disk_that_is_full_leaves_nothing(files: FloatFiles) -> None:
    folder = files.checkpoint.parent
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_WITH_LITTLE_SPACE, str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "refused: " in done.stderr and "can't be written: " in done.stderr
    assert done.stdout.splitlines() == list(STEPS[:2]), "it failed at the first network"
    assert left_in(folder / "bundles") == []


def test_a_file_that_does_not_fit_leaves_an_older_bundle_as_it_was(files: FloatFiles, tmp_path: Path) -> None:
    output = tmp_path / "float"
    output.mkdir()
    (output / "manifest.json").write_text("older")
    foreign = tmp_path / "foreign.pth"
    torch.save({"model.weight": torch.zeros(3)}, foreign)
    with pytest.raises(BundleError, match=r"foreign\.pth is no checkpoint of FLOAT.*model\.weight"):
        import_checkpoint(
            FloatFiles(foreign, files.wav2vec2, files.emotion_classifier), grey_portraits(), output, unheard, SIZES
        )
    assert left_in(tmp_path) == ["float", "foreign.pth", "manifest.json"]
    assert (output / "manifest.json").read_text() == "older"


def test_weights_of_another_size_than_floats_are_refused_before_any_export(files: FloatFiles, tmp_path: Path) -> None:
    steps: list[str] = []
    with pytest.raises(BundleError, match=r"hidden_size is 24, expected 768"):
        import_checkpoint(files, grey_portraits(), tmp_path / "float", steps.append)
    assert steps == [STEPS[0]]
    assert left_in(tmp_path) == []


def test_what_is_wrong_with_the_output_or_the_faces_comes_before_the_reading(files: FloatFiles, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to_anna.txt").write_text("dear Anna")
    for output, faces, message in (
        (tmp_path / "letters", grey_portraits(), "is there and is no bundle"),
        (tmp_path / "letters" / "to_anna.txt" / "float", grey_portraits(), "can't be written"),
        (tmp_path / "float", {}, "no portraits"),
    ):
        steps: list[str] = []
        with pytest.raises(BundleError, match=message):
            import_checkpoint(files, faces, output, steps.append, SIZES)
        assert steps == []
    assert left_in(tmp_path) == ["letters", "to_anna.txt"]


def test_a_network_that_exports_wrongly_leaves_nothing(files: FloatFiles, tmp_path: Path) -> None:
    state = float_state()
    # Finite in the file, and no longer so in the network.
    state["audio_encoder.audio_projection.0.weight"].fill_(3e38)
    torch.save(state, tmp_path / "float.pth")
    broken = FloatFiles(tmp_path / "float.pth", files.wav2vec2, files.emotion_classifier)
    with pytest.raises(BundleError, match=r"audio_encoder\.onnx differs from its module by nan"):
        import_checkpoint(broken, grey_portraits(), tmp_path / "bundle", unheard, SIZES)
    assert left_in(tmp_path) == ["float.pth"]


class FarFromEven(nn.Module):
    """Probabilities that hang on what eight bits round away: a large weight hides small ones in each column."""

    def __init__(self) -> None:
        super().__init__()
        weight = torch.full((320, len(EMOTIONS) * 40), 1e-3)
        weight[0] = 1.0
        self.weight = nn.Parameter(weight)

    def forward(self, pcm: torch.Tensor) -> torch.Tensor:
        loud = pcm[:, :320].abs()
        heard = torch.cat([0 * loud[:, :1], loud[:, 1:]], 1) @ self.weight
        return torch.softmax(heard.unflatten(1, (len(EMOTIONS), 40)).sum(2) * torch.arange(7.0), -1)


def test_a_classifier_that_does_not_bear_8_bits_stays_as_it_is(tmp_path: Path) -> None:
    signature, path = SIZES.spec().signature("emotion_classifier"), tmp_path / "emotion_classifier.onnx"
    module = FarFromEven().eval()
    export_component(module, signature, path)
    before = path.read_bytes()
    tried = tmp_path / "tried.onnx"
    assert store_in_8_bits(path, tried) > 0
    assert parity_error(module, signature, tried, example_inputs(signature, 1, 50, seed=1)) > 0.1
    tried.unlink()
    assert shorten(module, signature, path) == 0
    assert path.read_bytes() == before
    assert left_in(tmp_path) == ["emotion_classifier.onnx"]

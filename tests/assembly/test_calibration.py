"""What the shipped decoder needs for 8 bits is measured, tried, and kept only where the pictures stay the same."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from assembly.avatar_factory import of_one
from assembly.calibration import SMALLEST_PSNR_DB, calibrate
from bundles import embedded_bundle
from bundles.manifest import read_manifest
from contract.errors import BundleError
from engines.base import Precision
from engines.registry import open_engine
from media.picture_file import read_picture
from pipeline.motion_window import WindowSettings, draw_motion, first_state
from tests.bundles.tiny_bundle import write_tiny_bundle

PRECISIONS: tuple[Precision, ...] = ("float32", "int8")


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the bundle that ships, as it is before it is calibrated."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "illustrated"
    shutil.copytree(embedded_bundle(), folder)
    (folder / "frame_decoder.ranges.json").unlink()
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    values["components"]["frame_decoder"]["precision"] = "bfloat16"
    del values["components"]["frame_decoder"]["ranges"]
    path.write_text(json.dumps(values))
    return folder


def pictures(bundle: Path) -> list[np.ndarray]:
    faces = list(read_manifest(bundle).portraits.values())
    return [read_picture(bundle / face.file) for face in faces[:2]]


@pytest.mark.slow
def test_the_shipped_decoder_bears_8_bits_and_its_networks_stay_as_they_are(bundle: Path) -> None:
    before = read_manifest(bundle)
    found = calibrate(bundle, pictures(bundle))
    after = read_manifest(bundle)
    assert SMALLEST_PSNR_DB <= found.least_psnr_db <= found.psnr_db < 80
    decoder = after.components["frame_decoder"]
    assert decoder.precision == "int8" and decoder.sha256 == before.components["frame_decoder"].sha256
    ranges = json.loads((bundle / "frame_decoder.ranges.json").read_text())
    shipped = json.loads((embedded_bundle() / "frame_decoder.ranges.json").read_text())
    assert found.num_convolutions == len(ranges) and set(ranges) == set(shipped)
    for name, (low, high) in ranges.items():
        # Two faces say nearly what all ten do.
        assert low < 0 < high and high - low == pytest.approx(shipped[name][1] - shipped[name][0], rel=0.4)


@pytest.mark.slow
def test_a_decoder_that_8_bits_show_in_is_left_as_it_was(bundle: Path) -> None:
    before = {path.name: path.read_bytes() for path in bundle.glob("*.json")}
    with pytest.raises(BundleError, match=r"frame_decoder\.onnx in 8 bits paints a frame .* dB from float32, expected"):
        calibrate(bundle, pictures(bundle), smallest_psnr_db=90.0)
    assert {path.name: path.read_bytes() for path in bundle.glob("*.json")} == before


@pytest.mark.slow
def test_a_bundle_that_cannot_be_written_stays_as_it_was(bundle: Path) -> None:
    before = (bundle / "manifest.json").read_bytes()
    (bundle / "frame_decoder.ranges.json").mkdir()
    with pytest.raises(BundleError, match=r"illustrated can't be written: .*Is a directory"):
        calibrate(bundle, pictures(bundle)[:1])
    assert (bundle / "manifest.json").read_bytes() == before


def test_without_pictures_or_named_directions_there_is_nothing_to_measure(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="has no pictures"):
        calibrate(bundle, [])
    tiny = write_tiny_bundle(tmp_path / "tiny")
    with pytest.raises(BundleError, match="names no motion directions"):
        calibrate(tiny, [np.zeros((32, 32, 3), np.uint8)])


@pytest.mark.slow
def test_the_shipped_flow_in_8_bits_draws_the_same_lips() -> None:
    bundle = embedded_bundle()
    spec = read_manifest(bundle).spec
    basis = np.load(bundle / "motion_basis.npy")
    signature = of_one(spec.signature("flow_transformer"))
    rng = np.random.default_rng(0)
    window = WindowSettings(3, 2, spec.euler_points, 1.0, 1.0)
    features = rng.standard_normal((5, spec.audio_feature_dim)).astype(np.float32)
    emotion = np.eye(7, dtype=np.float32)[4]
    noise = rng.standard_normal((5, spec.latent_dim)).astype(np.float32)
    drawn: dict[Precision, np.ndarray] = {}
    for precision in PRECISIONS:
        engine = open_engine("openvino", bundle / "flow_transformer.onnx", signature, precision, 1)
        bound = engine.bind(reference_motion=np.zeros((1, spec.latent_dim), np.float32))
        drawn[precision] = draw_motion(bound, window, first_state(spec), features, emotion, noise) @ basis
    error = np.abs(drawn["int8"] - drawn["float32"])
    # In units of each direction, whose spread in speech is about one.
    assert 0 < error.max() < 0.2 and error.mean() < 0.03

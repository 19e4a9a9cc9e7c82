"""A bundle's motion basis is that of its networks, and a file that is none is refused by name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bundles import embedded_bundle
from bundles.manifest import BundledFile, read_manifest, sha256_of, write_manifest
from bundles.motion_basis import read_motion_basis, write_motion_basis
from contract.errors import BundleError
from engines.registry import open_engine
from tests.bundles.tiny_bundle import SPEC, write_tiny_bundle

BASIS = np.linalg.qr(np.random.default_rng(0).standard_normal((SPEC.latent_dim, 4)))[0].astype(np.float32)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "tiny")


def test_what_is_written_is_what_is_read(bundle: Path) -> None:
    manifest = read_manifest(bundle)
    assert manifest.motion_basis is None
    assert read_motion_basis(bundle, manifest) is None
    write_manifest(bundle, replace(manifest, motion_basis=write_motion_basis(bundle, BASIS)))
    found = read_motion_basis(bundle, read_manifest(bundle))
    assert found is not None
    np.testing.assert_array_equal(found, BASIS)


def test_a_basis_that_was_changed_is_damage(bundle: Path) -> None:
    write_manifest(bundle, replace(read_manifest(bundle), motion_basis=write_motion_basis(bundle, BASIS)))
    np.save(bundle / "motion_basis.npy", -BASIS)
    with pytest.raises(BundleError, match=r"motion_basis\.npy is damaged"):
        read_manifest(bundle)
    (bundle / "motion_basis.npy").unlink()
    with pytest.raises(BundleError, match=r"lacks the file motion_basis\.npy"):
        read_manifest(bundle)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (BASIS[:, :3], r"holds float32 \[8, 3\], expected float32 \[8, 4\]"),
        (BASIS.T, r"holds float32 \[4, 8\]"),
        (BASIS.astype(np.float64), "holds float64"),
        (2 * BASIS, "off orthonormal"),
        (np.full_like(BASIS, np.nan), "nan off orthonormal"),
        (np.array([{}]), "is no array that can be read"),
        (b"no array", "is no array that can be read"),
        (b"", "is no array that can be read"),
        (b"PK\x03\x04 an archive", "is no array that can be read"),
    ],
)
def test_what_is_no_basis_is_refused(bundle: Path, array: np.ndarray | bytes, message: str) -> None:
    path = bundle / "basis.npy"
    if isinstance(array, bytes):
        path.write_bytes(array)
    else:
        np.save(path, array)
    manifest = replace(read_manifest(bundle), motion_basis=BundledFile("basis.npy", sha256_of(path)))
    with pytest.raises(BundleError, match=message):
        read_motion_basis(bundle, manifest)


def test_a_header_that_promises_more_than_the_file_holds_costs_nothing(bundle: Path) -> None:
    path = bundle / "basis.npy"
    np.save(path, BASIS)
    path.write_bytes(path.read_bytes().replace(b"(8, 4), }" + b" " * 12, b"(8, 4000000000000), }"))
    manifest = replace(read_manifest(bundle), motion_basis=BundledFile("basis.npy", sha256_of(path)))
    with pytest.raises(BundleError, match="is no array that can be read"):
        read_motion_basis(bundle, manifest)


def test_the_embedded_avatar_s_basis_is_the_one_inside_its_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bundle = embedded_bundle()
    manifest = read_manifest(bundle)
    basis = read_motion_basis(bundle, manifest)
    assert basis is not None
    file = bundle / manifest.components["portrait_encoder"].file
    engine = open_engine("onnxruntime", file, manifest.spec.signature("portrait_encoder"), "float32", 1)
    side = manifest.spec.image_size_px
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, side, side)).astype(np.float32)
    found = engine.run(image=image)
    engine.close()
    coefficients, motion = (found[name].astype(np.float32) for name in ("motion_coefficients", "reference_motion"))
    np.testing.assert_allclose(coefficients @ basis.T, motion, atol=1e-5)

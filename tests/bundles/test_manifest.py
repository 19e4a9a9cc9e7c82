"""A manifest comes back as it was written, and what is wrong with a bundle is said by name."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bundles.manifest import BundledFile, read_manifest, sha256_of, write_manifest
from contract.errors import BundleError
from tests.bundles.tiny_bundle import COMPONENTS, SPEC, write_tiny_bundle


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture
def bundle(pristine: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    for path in pristine.rglob("*"):
        if path.is_file():
            copy = folder / path.relative_to(pristine)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return folder


def test_what_is_written_is_what_is_read(bundle: Path) -> None:
    manifest = read_manifest(bundle)
    assert manifest.spec == SPEC
    assert set(manifest.components) == set(COMPONENTS)
    assert manifest.portraits["ben"].title == "Ben"
    assert manifest.default_portrait == "anna"
    assert manifest.made_by == {"by": "a test"}
    before = (bundle / "manifest.json").read_text()
    write_manifest(bundle, manifest)
    assert (bundle / "manifest.json").read_text() == before
    assert read_manifest(bundle) == manifest


def test_ranges_are_kept_and_their_sum_is_checked(bundle: Path) -> None:
    manifest = read_manifest(bundle)
    path = bundle / "frame_decoder.ranges.json"
    path.write_text('{"a": [0, 1]}')
    decoder = replace(
        manifest.components["frame_decoder"], precision="int8", ranges=BundledFile(path.name, sha256_of(path))
    )
    with_ranges = replace(manifest, components={**manifest.components, "frame_decoder": decoder})
    write_manifest(bundle, with_ranges)
    assert read_manifest(bundle) == with_ranges
    path.write_text('{"a": [0, 2]}')
    with pytest.raises(BundleError, match=r"frame_decoder\.ranges\.json is damaged"):
        read_manifest(bundle)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"is no bundle: it has no manifest\.json"):
        read_manifest(tmp_path)
    with pytest.raises(BundleError, match="is no bundle"):
        read_manifest(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "7", "\x00"])
def test_a_manifest_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match=r"manifest\.json (is not JSON|holds)"):
        read_manifest(tmp_path)


Edit = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda m: m.update(format=2), "format 2, expected 1"),
        (lambda m: m.pop("format"), "format None, expected 1"),
        (lambda m: m.pop("name"), "name is None, expected a text"),
        (lambda m: m.update(licence=3), "licence is 3, expected a text"),
        (lambda m: m.pop("spec"), "spec is NoneType"),
        (lambda m: m["spec"].update(image_size_px=40), "image_size_px 40 does not fit 3 pyramid levels"),
        (lambda m: m["components"].pop("frame_decoder"), r"lacks the components \['frame_decoder'\]"),
        (lambda m: m["components"].update(nose={}), r"unknown components \['nose'\]"),
        (lambda m: m["components"].update(frame_decoder=4), "component frame_decoder is int"),
        (lambda m: m["components"]["frame_decoder"].update(precision="int4"), "precision 'int4', expected one of"),
        (
            lambda m: m["components"]["frame_decoder"].update(ranges="r"),
            "frame_decoder: ranges is str, expected an object",
        ),
        (
            lambda m: m["components"]["frame_decoder"].update(ranges={"file": "r.json", "sha256": 64 * "0"}),
            r"lacks the file r\.json",
        ),
        (lambda m: m["components"]["frame_decoder"].update(sha256="12"), "sha256 '12', expected 64"),
        (lambda m: m["components"]["frame_decoder"].update(file="/etc/hosts"), "'/etc/hosts', expected a path inside"),
        (lambda m: m["components"]["frame_decoder"].update(file="../x.onnx"), "expected a path inside the bundle"),
        (lambda m: m["components"]["frame_decoder"].update(file="x.onnx"), r"lacks the file x\.onnx"),
        (lambda m: m.update(motion_basis="b.npy"), "motion_basis is str, expected an object"),
        (lambda m: m.update(motion_basis={"file": "b.npy"}), "motion_basis: sha256 is None"),
        (lambda m: m.update(motion_basis={"file": "b.npy", "sha256": "1"}), "motion_basis: sha256 '1', expected 64"),
        (lambda m: m.update(motion_basis={"file": "../b", "sha256": "0" * 64}), "expected a path inside the bundle"),
        (lambda m: m.update(portraits=[]), "portraits is list, expected an object"),
        (lambda m: m.update(portraits={}), "default_portrait 'anna', expected one of"),
        (lambda m: m["portraits"].update({"Über/x": {}}), "expected a name of small letters"),
        (lambda m: m["portraits"]["ben"].pop("title"), "portrait 'ben': title is None"),
        (lambda m: m["portraits"]["ben"].update(file="portraits/none.png"), r"lacks the file portraits/none\.png"),
        (lambda m: m.update(default_portrait="carl"), r"'carl', expected one of \['anna', 'ben'\]"),
        (lambda m: m.update(made_by="me"), "made_by is str"),
    ],
)
def test_what_is_wrong_is_named(bundle: Path, edit: Edit, message: str) -> None:
    path = bundle / "manifest.json"
    values = json.loads(path.read_text())
    edit(values)
    path.write_text(json.dumps(values))
    with pytest.raises(BundleError, match=message):
        read_manifest(bundle)


def test_a_damaged_component_is_found_by_its_sum(bundle: Path) -> None:
    path = bundle / "frame_decoder.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"frame_decoder\.onnx is damaged: its SHA-256 is"):
        read_manifest(bundle)
    assert read_manifest(bundle, verify_sums=False).name == "tiny"

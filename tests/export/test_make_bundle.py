"""Checkpoints become a bundle that opens and paints, what does not fit is named, and nothing half-written is left."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from assembly.avatar_factory import open_avatar
from bundles.manifest import read_manifest
from bundles.motion_basis import read_motion_basis
from contract.errors import BundleError
from export.make_bundle import make_bundle
from export.networks import Networks, load_networks
from media.picture_file import read_picture
from pipeline.avatar import Avatar, StreamSettings
from tests.export.tiny_avatar import TINY, tiny_states, write_checkpoints, write_portraits
from tests.fakes import noise_chunks


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training's folder: checkpoints and portraits."""
    folder = tmp_path_factory.mktemp("training")
    write_checkpoints(folder)
    write_portraits(folder / "portraits", {"anna": "Anna", "ben": "Ben"})
    return folder


@pytest.fixture(scope="module")
def networks(source: Path) -> Networks:
    return load_networks(source / "phase1.pt", source / "phase2.pt", TINY)


@pytest.fixture(scope="module")
def bundle(source: Path, networks: Networks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("bundles") / "tiny"
    # An older bundle stands in the place.
    output.mkdir()
    (output / "manifest.json").write_text("{}")
    (output / "left_over.onnx").write_bytes(b"")
    errors = make_bundle(networks, source / "portraits", output, "tiny")
    assert set(errors) == {"audio_encoder", "portrait_encoder", "flow_transformer", "frame_decoder"}
    assert max(errors.values()) < 1e-3
    return output


@pytest.fixture
def avatar(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Avatar]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    opened = open_avatar(bundle, precision="float32")
    yield opened
    opened.close()


def test_the_manifest_tells_what_was_made(bundle: Path) -> None:
    manifest = read_manifest(bundle)
    assert (manifest.spec.image_size_px, manifest.spec.latent_dim, manifest.spec.pyramid_channels) == (
        32,
        16,
        (12, 8, 3),
    )
    assert (manifest.spec.window_frames, manifest.spec.carried_frames) == (30, 6)
    assert manifest.spec.motion_names == ("yaw", "pitch")
    assert manifest.default_portrait == "anna"
    assert manifest.made_by["phase1"] == {"step": 3, "metrics": {"l1": 0.5}, "commit": "abc"}
    assert manifest.components["audio_encoder"].precision == "float32"


def test_an_older_bundle_is_replaced_whole(bundle: Path) -> None:
    manifest = read_manifest(bundle)
    files = {each.file for each in manifest.components.values()} | {each.file for each in manifest.portraits.values()}
    own = {"manifest.json", "motion_basis.npy"}
    assert {path.relative_to(bundle).as_posix() for path in bundle.rglob("*.*")} == files | own
    assert [path.name for path in bundle.parent.iterdir()] == ["tiny"]


def test_the_motion_basis_lies_beside_the_networks(bundle: Path, networks: Networks) -> None:
    basis = read_motion_basis(bundle, read_manifest(bundle))
    np.testing.assert_array_equal(basis, networks.autoencoder.dec.direction.orthonormal().detach().numpy())


def test_the_bundle_opens_reads_a_portrait_as_its_network_does_and_paints(
    bundle: Path, networks: Networks, avatar: Avatar
) -> None:
    portrait = avatar.prepare(read_picture(bundle / "portraits" / "ben.png"), crop=False)
    stream = avatar.start(portrait, StreamSettings(hop_frames=3, lookahead_frames=2))
    frames = [frame for chunk in noise_chunks(8) for frame in stream.push(chunk)]
    frames += list(stream.flush())
    assert [frame.index for frame in frames] == list(range(8))
    assert all(frame.image.shape == (32, 32, 3) for frame in frames)
    assert frames[0].image.std() > 1
    image = torch.full((1, 3, 32, 32), (150 / 255 - 0.5) / 0.5)
    with torch.inference_mode():
        expected_latent = networks.autoencoder.encode(image)[2].numpy()
    assert np.abs(portrait.reference_motion - expected_latent).max() < 1e-4 * np.abs(expected_latent).max()


def unfit(edit: Callable[[dict[str, Any], dict[str, Any]], object]) -> tuple[dict[str, Any], dict[str, Any]]:
    states = tiny_states()
    edit(*states)
    return states


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda first, _: first.pop("metrics"), r"phase1\.pt is another kind of checkpoint: it lacks \['metrics'\]"),
        (lambda _, second: second.pop("basis"), r"phase2\.pt is another kind of checkpoint: it lacks \['basis'\]"),
        (
            lambda first, _: first["average"].pop("dec.input.input"),
            r"phase1\.pt does not fit the model: it lacks \['dec\.input\.input'\]",
        ),
        (
            lambda _, second: second["average"].update({"fmt.extra": torch.zeros(1)}),
            r"phase2\.pt \(fmt\) does not fit .* unknown \['extra'\]",
        ),
        (
            lambda _, second: second["average"].update({"audio_encoder.convs.0.bias": torch.zeros(3)}),
            r"phase2\.pt \(audio_encoder\): convs\.0\.bias is \[3\], expected \[16\]",
        ),
        (
            lambda _, second: second.update(basis=-second["basis"]),
            "another motion basis than .*phase1.pt: .* differ by",
        ),
        (lambda _, second: second.update(basis=torch.zeros(4, 2)), r"motion basis of \[4, 2\], expected \[16, 14\]"),
        (lambda _, second: second.update(basis=second["basis"] * float("nan")), "another motion basis"),
    ],
)
def test_checkpoints_that_do_not_fit_are_named(
    tmp_path: Path, edit: Callable[[dict[str, Any], dict[str, Any]], object], message: str
) -> None:
    phase1, phase2 = write_checkpoints(tmp_path, unfit(edit))
    with pytest.raises(BundleError, match=message):
        load_networks(phase1, phase2, TINY)


def test_checkpoints_of_another_size_are_refused(source: Path) -> None:
    with pytest.raises(BundleError, match=r"phase1\.pt does not fit the model"):
        load_networks(source / "phase1.pt", source / "phase2.pt")


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (None, r"portraits\.json can't be read"),
        ("{", r"portraits\.json is not JSON"),
        ("{}", r"portraits\.json holds \{\}, expected names and titles of at least one face"),
        ('{"carl": "Carl"}', r"lacks the pictures of \['carl'\]"),
    ],
)
def test_portraits_that_are_missing_are_named_before_anything_is_exported(
    networks: Networks, tmp_path: Path, listed: str | None, message: str
) -> None:
    portraits = write_portraits(tmp_path / "portraits", {"anna": "Anna"})
    if listed is None:
        (portraits / "portraits.json").unlink()
    else:
        (portraits / "portraits.json").write_text(listed)
    with pytest.raises(BundleError, match=message):
        make_bundle(networks, portraits, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["portraits"]


def test_a_folder_of_other_things_is_never_replaced(source: Path, networks: Networks, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to_anna.txt").write_text("dear Anna")
    for output in (tmp_path / "letters", tmp_path / "letters" / "to_anna.txt"):
        with pytest.raises(BundleError, match="is no bundle, expected a new folder or a bundle to replace"):
            make_bundle(networks, source / "portraits", output)
    assert (tmp_path / "letters" / "to_anna.txt").read_text() == "dear Anna"
    with pytest.raises(BundleError, match="can't be written"):
        make_bundle(networks, source / "portraits", tmp_path / "letters" / "to_anna.txt" / "bundle")


def test_a_failure_leaves_the_older_bundle_as_it_was_and_nothing_beside(source: Path, tmp_path: Path) -> None:
    broken = load_networks(source / "phase1.pt", source / "phase2.pt", TINY)
    with torch.no_grad():
        next(broken.audio_encoder.parameters()).fill_(float("nan"))
    output = tmp_path / "out"
    output.mkdir()
    (output / "manifest.json").write_text('{"format": 1}')
    with pytest.raises(BundleError, match=r"audio_encoder\.onnx differs from its module by nan"):
        make_bundle(broken, source / "portraits", output)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in output.iterdir()] == ["manifest.json"]
    assert (output / "manifest.json").read_text() == '{"format": 1}'

"""Checkpoints become a bundle that opens and paints, what does not fit is named, and nothing half-written is left."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from assembly.avatar_factory import open_avatar
from bundles.manifest import read_manifest
from bundles.motion_basis import read_motion_basis
from contract.errors import BundleError
from export.make_bundle import make_bundle
from export.networks import EMBEDDED, Networks, NetworkSizes, load_networks
from media.picture_file import read_picture
from pipeline.avatar import Avatar, NeuralAvatar, StreamSettings
from tests.export.tiny_avatar import (
    ANCHORED,
    TINY,
    State,
    anchors_state,
    tiny_states,
    write_anchors,
    write_checkpoints,
    write_portraits,
)
from tests.fakes import noise_chunks

Edit = Callable[[State, State, State], object]


def networks_of(folder: Path, sizes: NetworkSizes = TINY) -> Networks:
    """The networks of a training's folder."""
    return load_networks(folder, sizes)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training's folder: checkpoints and portraits."""
    folder = tmp_path_factory.mktemp("training")
    write_checkpoints(folder)
    write_portraits(folder / "portraits", {"anna": "Anna", "ben": "Ben"})
    return folder


@pytest.fixture(scope="module")
def networks(source: Path) -> Networks:
    return networks_of(source)


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
    assert manifest.spec.reads_framing
    assert manifest.made_by["phase1"] == {"step": 3, "metrics": {"l1": 0.5}, "commit": "abc"}
    assert manifest.made_by["reading"] == {"step": 5, "metrics": {"motion": 0.9}}
    assert manifest.made_by["anchors"] is None and manifest.spec.num_face_values == 0
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


def test_the_encoder_tells_framing_and_knows_shape_as_its_network_does(networks: Networks, avatar: Avatar) -> None:
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, 32, 32)).astype(np.float32)
    assert isinstance(avatar, NeuralAvatar)
    found = avatar.engines.portrait_encoder.run(image=image)
    reader = networks.autoencoder.enc.reader
    assert reader is not None
    with torch.inference_mode():
        reading = reader(torch.from_numpy(image))
        identity, _ = networks.autoencoder.enc.appearance(torch.from_numpy(image), reading.shape)
        without_shape, _ = networks.autoencoder.enc.net_app(torch.from_numpy(image))
    assert reading.framing.shape == (1, 3) and reading.framing.abs().max() > 1e-3
    assert np.abs(found["framing"] - reading.framing.numpy()).max() < 1e-5
    assert np.abs(found["motion_coefficients"] - reading.motion.numpy()).max() < 1e-4
    assert np.abs(found["identity_latent"] - identity.numpy()).max() < 1e-4 * float(identity.abs().max())
    assert (identity - without_shape).abs().max() > 1e-2


def unfit(edit: Edit) -> tuple[State, State, State]:
    states = tiny_states()
    edit(*states)
    return states


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda first, *_: first.pop("metrics"), r"phase1\.pt is another kind of checkpoint: it lacks \['metrics'\]"),
        (lambda *states: states[2].pop("basis"), r"phase2\.pt is another kind of checkpoint: it lacks \['basis'\]"),
        (
            lambda *states: states[1].pop("model"),
            r"reading\.pt is another kind of checkpoint: it lacks \['model'\]",
        ),
        (
            lambda *states: states[1]["model"].pop(next(n for n in states[1]["model"] if n.endswith("running_mean"))),
            r"reading\.pt does not fit the model: it lacks \['.*running_mean'\]",
        ),
        (
            lambda *states: states[1]["model"].update({"nose.weight": torch.zeros(1)}),
            r"reading\.pt does not fit .* unknown \['nose\.weight'\]",
        ),
        (
            lambda *states: states[1]["model"].update({"to_framing.bias": torch.zeros(2)}),
            r"reading\.pt: to_framing\.bias is \[2\], expected \[3\]",
        ),
        (
            lambda first, *_: first["average"].pop("dec.input.input"),
            r"phase1\.pt does not fit the model: it lacks \['dec\.input\.input'\]",
        ),
        (
            lambda *states: states[2]["average"].update({"fmt.extra": torch.zeros(1)}),
            r"phase2\.pt \(fmt\) does not fit .* unknown \['extra'\]",
        ),
        (
            lambda *states: states[2]["average"].update({"audio_encoder.convs.0.bias": torch.zeros(3)}),
            r"phase2\.pt \(audio_encoder\): convs\.0\.bias is \[3\], expected \[16\]",
        ),
        (
            lambda *states: states[2].update(basis=-states[2]["basis"]),
            "another motion basis than .*phase1.pt: .* differ by",
        ),
        (lambda *states: states[2].update(basis=torch.zeros(4, 2)), r"motion basis of \[4, 2\], expected \[16, 14\]"),
        (lambda *states: states[2].update(basis=states[2]["basis"] * float("nan")), "another motion basis"),
    ],
)
def test_checkpoints_that_do_not_fit_are_named(tmp_path: Path, edit: Edit, message: str) -> None:
    write_checkpoints(tmp_path, unfit(edit))
    with pytest.raises(BundleError, match=message):
        networks_of(tmp_path)


def test_checkpoints_of_another_size_are_refused(source: Path, tmp_path: Path) -> None:
    for name in ("phase1.pt", "reading.pt", "phase2.pt"):
        (tmp_path / name).hardlink_to(source / name)
    write_anchors(tmp_path)
    with pytest.raises(BundleError, match=r"phase1\.pt does not fit the model"):
        networks_of(tmp_path, EMBEDDED)


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
    broken = networks_of(source)
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


@pytest.fixture(scope="module")
def anchored_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training's folder of an avatar whose decoder hears anchors."""
    folder = tmp_path_factory.mktemp("anchored")
    write_checkpoints(folder, tiny_states(ANCHORED))
    write_anchors(folder)
    write_portraits(folder / "portraits", {"anna": "Anna"}, ANCHORED.autoencoder.image_size_px)
    return folder


def test_a_bundle_whose_decoder_hears_anchors_opens_and_speaks(
    anchored_source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    networks = networks_of(anchored_source, ANCHORED)
    errors = make_bundle(networks, anchored_source / "portraits", tmp_path / "bundle", "anchored")
    assert max(errors.values()) < 1e-3
    manifest = read_manifest(tmp_path / "bundle")
    assert manifest.spec.num_face_values == 480 + 14 and manifest.spec.image_size_px == 128
    assert manifest.made_by["anchors"] == {"step": 7, "metrics": {"ways_misread": 0.4}}
    avatar = open_avatar(tmp_path / "bundle", precision="float32")
    assert isinstance(avatar, NeuralAvatar)
    picture = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    portrait = avatar.prepare(picture, crop=False)
    image = torch.from_numpy(((picture / 255 - 0.5) / 0.5).astype(np.float32)).permute(2, 0, 1)[None]
    reader = networks.autoencoder.enc.reader
    assert reader is not None and portrait.face is not None and portrait.face.shape == (1, 494)
    with torch.inference_mode():
        face = reader(image).face.numpy()
    assert np.abs(portrait.face - face).max() < 1e-4 * np.abs(face).max()
    stream = avatar.start(portrait, StreamSettings(hop_frames=3, lookahead_frames=2))
    frames = [frame for chunk in noise_chunks(5) for frame in stream.push(chunk)]
    frames += list(stream.flush())
    assert [frame.index for frame in frames] == list(range(5))
    assert all(frame.image.shape == (128, 128, 3) and frame.image.std() > 1 for frame in frames)
    # What was read of the face is what the picture hangs on.
    motion = np.random.default_rng(1).standard_normal((1, 16)).astype(np.float32)
    shown = [
        avatar.engines.frame_decoder.run(motion_latent=motion, **{**portrait.of_decoder, "face": each})["frame"]
        for each in (portrait.face, -portrait.face)
    ]
    assert np.abs(np.subtract(*shown)).max() > 0.05
    avatar.close()


def test_where_the_decoder_hears_anchors_their_checkpoint_is_asked_for(anchored_source: Path, tmp_path: Path) -> None:
    for name in ("phase1.pt", "reading.pt", "phase2.pt"):
        (tmp_path / name).hardlink_to(anchored_source / name)
    with pytest.raises(BundleError, match=r"anchors\.pt is not there, expected a checkpoint"):
        networks_of(tmp_path, ANCHORED)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda state: state.pop("metrics"), r"anchors\.pt is another kind of checkpoint: it lacks \['metrics'\]"),
        (
            lambda state: state["model"].pop("usual"),
            r"anchors\.pt does not fit the model: it lacks \['usual'\]",
        ),
        (
            lambda state: state["model"].update({"usual": torch.zeros(293, 2)}),
            r"anchors\.pt: usual is \[293, 2\], expected \[294, 2\]",
        ),
        (
            lambda state: state["model"].update({"nose": torch.zeros(1)}),
            r"anchors\.pt does not fit .* unknown \['nose'\]",
        ),
    ],
)
def test_anchors_that_do_not_fit_are_named(
    anchored_source: Path, tmp_path: Path, edit: Callable[[State], object], message: str
) -> None:
    for name in ("phase1.pt", "reading.pt", "phase2.pt"):
        (tmp_path / name).hardlink_to(anchored_source / name)
    state = anchors_state()
    edit(state)
    write_anchors(tmp_path, state)
    with pytest.raises(BundleError, match=message):
        networks_of(tmp_path, ANCHORED)

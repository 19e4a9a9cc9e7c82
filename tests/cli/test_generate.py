"""`float-avatar generate`: a film with the sound's length comes out, and what is wrong is one error and no file."""

import wave
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from bundles.manifest import read_manifest, write_manifest
from bundles.motion_basis import write_motion_basis
from cli.generate import generate, window
from contract.errors import BundleError, ConfigError, FloatAvatarError, MediaError, PortraitError, PortraitNotFoundError
from server.portraits import to_png
from tests.bundles.tiny_bundle import SPEC, write_tiny_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture(scope="module")
def free_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose audio encoder hears sound of any length, as FLOAT's does."""
    folder = tmp_path_factory.mktemp("bundle") / "free"
    return write_tiny_bundle(folder, replace(SPEC, audio_statistics=True))


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """1.3 s, which is not a whole number of frames: 33 with the last one filled up."""
    path = tmp_path / "sound.wav"
    samples = np.random.default_rng(0).integers(-8000, 8000, 13 * 1600 + 7).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return path


def pictures(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_a_film_of_the_sounds_length_comes_out(
    bundle: Path, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "film.mp4"
    generate(audio=sound, output=output, bundle=bundle)
    assert pictures(output).shape == (33, 32, 32, 3)
    with av.open(str(output)) as container:
        num_samples = sum(frame.samples for frame in container.decode(audio=0))
    assert 0 <= num_samples - 33 * 1920 <= 2048
    told = capsys.readouterr().out
    assert "film.mp4: 33 frames, 1.32 s of sound in" in told
    assert "real-time factor" in told


def test_what_is_less_than_ideal_in_a_picture_is_told(
    bundle: Path, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    oblong = tmp_path / "oblong.png"
    oblong.write_bytes(to_png(np.full((60, 90, 3), 120, np.uint8)))
    generate(audio=sound, output=tmp_path / "film.mp4", bundle=bundle, portrait=str(oblong), crop=False)
    assert "Warning: of the picture's 90 x 60 px only the middle square is taken.\n" in capsys.readouterr().err
    generate(audio=sound, output=tmp_path / "film.mp4", bundle=bundle)
    assert "Warning" not in capsys.readouterr().err


def test_the_same_seed_gives_the_same_film(bundle: Path, sound: Path, tmp_path: Path) -> None:
    films = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        output = tmp_path / f"{name}.mp4"
        generate(audio=sound, output=output, bundle=bundle, seed=seed)
        films.append(pictures(output).astype(int))
    np.testing.assert_array_equal(films[0], films[1])
    assert np.abs(films[0] - films[2]).max() > 10


def test_a_direction_of_motion_is_edited(sound: Path, tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "tiny")
    basis = np.eye(8, 4, dtype=np.float32)
    write_manifest(folder, replace(read_manifest(folder), motion_basis=write_motion_basis(folder, basis)))
    films = []
    for edits in (None, ["3=+0"], ["3=+2", "0=0.5"]):
        output = tmp_path / "film.mp4"
        generate(audio=sound, output=output, bundle=folder, motion_edits=edits)
        films.append(pictures(output).astype(int))
    np.testing.assert_array_equal(films[0], films[1])
    assert np.abs(films[0] - films[2]).max() > 10


def test_a_face_of_the_bundle_or_a_picture_of_ones_own(bundle: Path, sound: Path, tmp_path: Path) -> None:
    films = []
    for portrait in ("anna", "ben", str(bundle / "portraits" / "ben.png")):
        output = tmp_path / "film.mp4"
        generate(audio=sound, output=output, bundle=bundle, portrait=portrait, crop=False, engine="onnxruntime")
        films.append(pictures(output).astype(int))
    assert np.abs(films[0] - films[1]).max() > 10
    np.testing.assert_array_equal(films[1], films[2])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"portrait": "carl"}, PortraitNotFoundError, "'carl' is neither a file nor one of anna, ben"),
        ({"portrait": "SOUND"}, PortraitError, "holds no picture"),
        ({"portrait": "BEN"}, PortraitError, "no face was found"),
        ({"face_model": Path("/nowhere.onnx")}, ConfigError, "face model /nowhere.onnx is not there"),
        ({"bundle": Path("/nowhere")}, BundleError, "is no bundle"),
        ({"audio": Path("/nowhere.wav")}, MediaError, "is not there"),
        ({"output": Path("/nowhere/film.mp4")}, MediaError, "can't be written"),
        ({"emotion": "glad"}, ConfigError, "emotion 'glad'"),
        ({"seed": -1}, ConfigError, "seed -1"),
        ({"hop_frames": 21}, ConfigError, "expected at most the 20"),
        ({"lookahead_frames": -3}, ConfigError, "lookahead_frames -3, expected a whole number of at least 0"),
        ({"audio_guidance": float("nan")}, ConfigError, "audio_guidance nan"),
        ({"audio_mode": "backwards"}, ConfigError, "audio mode 'backwards', expected one of whole_clip, rolling"),
        ({"engine": "abacus"}, FloatAvatarError, "'abacus' is unknown"),
        ({"motion_edits": ["smile"]}, ConfigError, "motion edit 'smile', expected NAME="),
        ({"motion_edits": ["4=0.1"]}, ConfigError, "motion direction 4, expected a number from 0 to 3"),
        ({"motion_edits": ["1=+0.1"]}, ConfigError, "expected one that was exported or imported again"),
    ],
)
def test_what_is_wrong_is_one_error_and_leaves_no_file(
    bundle: Path, sound: Path, tmp_path: Path, arguments: dict, error: type[FloatAvatarError], message: str
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    own = {"SOUND": str(sound), "BEN": str(bundle / "portraits" / "ben.png")}
    if arguments.get("portrait") in own:
        arguments = {"portrait": own[arguments["portrait"]]}
    with pytest.raises(error, match=message):
        generate(**{"audio": sound, "output": folder / "film.mp4", "bundle": bundle, **arguments})
    assert list(folder.iterdir()) == []


def test_a_whole_clip_is_heard_at_once_where_that_makes_a_difference(
    bundle: Path, free_bundle: Path, sound: Path, tmp_path: Path
) -> None:
    def film(folder: Path, audio_mode: str | None, lookahead_frames: int | None = None) -> np.ndarray:
        output = tmp_path / "film.mp4"
        generate(
            audio=sound, output=output, bundle=folder, audio_mode=audio_mode, lookahead_frames=lookahead_frames, seed=1
        )
        return pictures(output).astype(int)

    whole = film(free_bundle, "whole_clip")
    assert whole.shape == (33, 32, 32, 3)
    np.testing.assert_array_equal(film(free_bundle, None), whole)
    assert np.abs(film(free_bundle, "rolling", lookahead_frames=0) - whole).max() > 5
    np.testing.assert_array_equal(film(bundle, "whole_clip"), film(bundle, "rolling"))


def test_a_sound_too_long_to_be_heard_at_once_rolls_or_is_refused(
    free_bundle: Path,
    sound: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("cli.generate.LONGEST_UNASKED_S", 1)
    output = tmp_path / "film.mp4"
    generate(audio=sound, output=output, bundle=free_bundle)
    assert pictures(output).shape == (33, 32, 32, 3)
    assert "longer than 1 s: it is heard as in a call, unless" in capsys.readouterr().err
    generate(audio=sound, output=output, bundle=free_bundle, audio_mode="whole_clip")
    monkeypatch.setattr("cli.generate.LONGEST_CLIP_S", 1)
    with pytest.raises(ConfigError, match="longer than 1 s, the most that is heard at once: expected audio mode"):
        generate(audio=sound, output=output, bundle=free_bundle, audio_mode="whole_clip")


def test_a_film_never_takes_the_place_of_its_own_sound(bundle: Path, sound: Path) -> None:
    before = sound.read_bytes()
    with pytest.raises(ConfigError, match="take the place of its own sound"):
        generate(audio=sound, output=sound.parent / "." / sound.name, bundle=bundle)
    assert sound.read_bytes() == before


@pytest.mark.parametrize(
    ("hop", "lookahead", "expected"),
    [
        (None, None, (42, 8)),
        (50, None, (50, 0)),
        (5, None, (5, 8)),
        (None, 0, (50, 0)),
        (5, 4, (5, 4)),
        (45, None, (45, 5)),
        (None, 60, (1, 60)),
    ],
)
def test_the_window_is_whole_where_nothing_else_is_asked(
    hop: int | None, lookahead: int | None, expected: tuple[int, int]
) -> None:
    assert window(50, hop, lookahead) == expected

"""`float-avatar bench influence`: a bundle measured, told and kept."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bench.sound_files import RATE_HZ, write_wav
from bench.spoken_sound import speech
from bundles import embedded_bundle
from cli.bench import influence
from contract.errors import BundleError, ConfigError
from evaluation.document import BEGIN_MARK, END_MARK
from tests.bundles.tiny_bundle import write_tiny_bundle


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    samples = np.random.default_rng(0).normal(0, 3000, 5 * RATE_HZ).clip(-32768, 32767).astype(np.int16)
    return write_wav(tmp_path_factory.mktemp("sound") / "noise.wav", samples)


def test_a_bundle_is_measured_told_and_kept(tmp_path: Path, sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = write_tiny_bundle(tmp_path / "bundle")
    output, document = tmp_path / "influence.json", tmp_path / "latency.md"
    document.write_text(f"# Latency\n{BEGIN_MARK}\nold\n{END_MARK}\nThe end.\n", "utf-8")
    influence(bundle=bundle, audio=sound, output=output, document=document)
    kept = json.loads(output.read_text())
    assert kept["machine"]["num_cores"] >= 1 and "commit" in kept["machine"] and kept["machine"]["packages"]["numpy"]
    assert (kept["sound"], kept["sound_s"], kept["precision"]) == ("noise.wav", 5.0, "float32")
    rows = {(row["hop_frames"], row["lookahead_frames"]): row for row in kept["figures"]}
    window_frames = kept["spec"]["window_frames"]
    assert (5, 2) in rows and all(hop + lookahead <= window_frames for hop, lookahead in rows)
    for row in rows.values():
        assert row["motion_error"] >= 0 and row["pixel_mean"] >= 0 and row["num_seams"] > 0
        assert row["waits_ms"] % 40 == 0 and row["waits_ms"] >= 40 * (row["hop_frames"] - 1 + row["lookahead_frames"])
    told = capsys.readouterr().out
    assert "| 3 | 2 | interactive |" in told and "of speech (noise.wav)" in told
    text = document.read_text("utf-8")
    assert text.startswith(f"# Latency\n{BEGIN_MARK}\n| hop |") and text.endswith(f"{END_MARK}\nThe end.\n")
    assert "old" not in text


def test_what_can_not_be_measured_is_one_clear_error(tmp_path: Path, sound: Path) -> None:
    with pytest.raises(BundleError, match="is no bundle"):
        influence(bundle=tmp_path, audio=sound)
    with pytest.raises(ConfigError, match="is no file, expected a sound of speech"):
        influence(audio=tmp_path / "absent.wav")
    short = write_wav(tmp_path / "short.wav", np.zeros(RATE_HZ, np.int16))
    with pytest.raises(ConfigError, match=r"1\.0 s long, expected at least 4 s"):
        influence(audio=short)
    with pytest.raises(ConfigError, match="can't be written"):
        influence(audio=sound, output=tmp_path / "absent" / "figures.json")
    page = tmp_path / "page.md"
    page.write_text("# No place\n", "utf-8")
    with pytest.raises(ConfigError, match="has no place for the table"):
        influence(bundle=embedded_bundle(), audio=sound, document=page)


def test_without_a_synthesiser_a_file_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("espeak-ng") is None
    with pytest.raises(ConfigError, match=r"espeak-ng is not installed: install it, or give a sound file .*--audio"):
        speech(None)


@pytest.mark.system("espeak-ng")
def test_the_synthesiser_speaks_long_enough() -> None:
    pcm = speech(None)
    assert len(pcm) % 640 == 0 and 10 * 16_000 < len(pcm) < 30 * 16_000
    assert np.abs(pcm).max() > 0.1

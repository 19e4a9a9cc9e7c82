"""The imported bundle does what the embedded one does: it makes a film, and serves in bounded memory."""

import socket
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from tests.figures import Note
from tests.official.made_bundle import OfficialBundle, run_to_the_end

pytestmark = pytest.mark.slow

MOST_IMPORT_GIB = 12.0
MOST_SERVING_GIB = 4.0
SAMPLES_PER_FRAME = 1920  # at the film's 48 kHz

# What `serve` does with an avatar, without the network: open, prepare a face, draw a second and a half.
RENDER = """
import sys
from pathlib import Path
import numpy as np
from assembly.avatar_factory import open_avatar
from bundles.manifest import read_manifest
from media.picture_file import read_picture
from pipeline.avatar import StreamSettings
from tests.fakes import noise_chunks

bundle = Path(sys.argv[1])
settings = StreamSettings()
avatar = open_avatar(bundle, settings=settings)
manifest = read_manifest(bundle, verify_sums=False)
picture = read_picture(bundle / manifest.portraits[manifest.default_portrait].file)
stream = avatar.start(avatar.prepare(picture, crop=False), settings)
frames = [frame for chunk in noise_chunks(38) for frame in stream.push(chunk)]
frames += list(stream.flush())
assert len(frames) == 38 and frames[-1].image.shape == (512, 512, 3) and frames[-1].image.std() > 1
assert "torch" not in sys.modules
"""


def test_importing_tells_the_licence_and_takes_little_memory(
    official_bundle: OfficialBundle, note_figures: Note
) -> None:
    note_figures({"import_s": official_bundle.import_s, "import_peak_gib": official_bundle.import_peak_gib})
    assert official_bundle.import_peak_gib < MOST_IMPORT_GIB
    assert "CC BY-NC-ND 4.0" in official_bundle.said
    assert "torchvision" not in official_bundle.said
    manifest = official_bundle.manifest
    assert manifest.name == "float" and manifest.licence.startswith("CC BY-NC-ND 4.0, research only")
    assert set(manifest.components) == {
        *("audio_encoder", "emotion_classifier", "portrait_encoder", "flow_transformer", "frame_decoder")
    }
    assert [entry["file"] for entry in manifest.made_by["read"]] == [
        *("downloads/float.pth", "wav2vec2-base-960h/model.safetensors", "speech-emotion/pytorch_model.bin")
    ]
    assert {portrait.licence for portrait in manifest.portraits.values()} == {"Apache-2.0"}
    names = {path.name for path in official_bundle.folder.parent.iterdir()}
    assert not [name for name in names if name.startswith("float.")]


def test_rendering_stays_below_4_gib(official_bundle: OfficialBundle, tmp_path: Path, note_figures: Note) -> None:
    cache = tmp_path / "cache"
    for start in ("first", "second"):
        ended = run_to_the_end(["-c", RENDER, str(official_bundle.folder)], tmp_path / "render.log", cache)
        assert ended.status == 0, ended.said
        note_figures({f"{start}_start_peak_gib": ended.peak_gib, f"{start}_start_s": ended.took_s})
        assert ended.peak_gib < MOST_SERVING_GIB


def test_a_server_that_is_ready_stays_below_4_gib(
    official_bundle: OfficialBundle, tmp_path: Path, note_figures: Note
) -> None:
    """The server itself: it draws in another thread than it opens in, where memory freed before is not found again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["-m", "cli.main", "serve", "--bundle", str(official_bundle.folder), "--port", str(port)]
    ended = run_to_the_end(arguments, tmp_path / "serve.log", tmp_path / "cache", until="Ready:")
    assert "CC BY-NC-ND 4.0" in ended.said and f"http://localhost:{port}" in ended.said
    note_figures({"serving_peak_gib": ended.peak_gib})
    assert ended.peak_gib < MOST_SERVING_GIB


@pytest.mark.system("espeak-ng")
def test_a_film_of_a_real_voice(official_bundle: OfficialBundle, tmp_path: Path, note_figures: Note) -> None:
    sound, film = tmp_path / "voice.wav", tmp_path / "film.mp4"
    subprocess.run(["espeak-ng", "-w", str(sound), "hello there"], check=True, timeout=60)
    with av.open(str(sound)) as container:
        num_samples, rate_hz = 0, 0
        for frame in container.decode(audio=0):
            num_samples, rate_hz = num_samples + frame.samples, frame.sample_rate
    expected_frames = -(-num_samples * 25 // rate_hz)
    ended = run_to_the_end(
        [
            *("-m", "cli.main", "generate", "--audio", str(sound), "--output", str(film)),
            *("--bundle", str(official_bundle.folder), "--emotion", "happy"),
        ],
        tmp_path / "generate.log",
        official_bundle.cache,
    )
    assert ended.status == 0, ended.said
    note_figures({"generate_s": ended.took_s, "film_s": expected_frames / 25, "peak_gib": ended.peak_gib})
    with av.open(str(film)) as container:
        pictures = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    assert pictures.shape == (expected_frames, 512, 512, 3)
    assert pictures.std() > 5
    with av.open(str(film)) as container:
        samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
    assert 0 <= len(samples) - expected_frames * SAMPLES_PER_FRAME <= 2048
    assert np.abs(samples).max() > 0.05, "the film is silent"

"""The avatar that ships, interrupted in mid-word: its face moves on from the last frame shown, and shuts its mouth."""

import subprocess
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from assembly.avatar_factory import open_avatar
from bench.sound_files import SENTENCES
from bundles import embedded_bundle
from contract.packets import VOICE_SAMPLES_PER_FRAME, SpeechChunk
from media.audio_file import read_audio
from pipeline.avatar import NeuralAvatar, NeuralStream, StreamSettings
from pipeline.emotion_glide import SPLICE_GLIDE_FRAMES
from tests.fakes import FakeEngine, silent_chunk
from tests.figures import Note

HOP = 5


class Watched:
    """A stream whose motion is kept instead of painted, by index; what is drawn again takes the old one's place."""

    def __init__(self, stream: NeuralStream, decoder: FakeEngine) -> None:
        self.stream = stream
        self._decoder = decoder
        self.motion: dict[int, np.ndarray] = {}

    def push(self, chunk: SpeechChunk) -> None:
        for frame in self.stream.push(chunk):
            self.motion[frame.index] = np.asarray(self._decoder.calls[-1]["motion_latent"], np.float32)[0]


@pytest.mark.slow
@pytest.mark.system("espeak-ng")
def test_a_splice_in_mid_word_is_no_larger_a_step_than_seams_of_speech(tmp_path: Path, note_figures: Note) -> None:
    folder = embedded_bundle()
    avatar = open_avatar(folder, num_threads=1)
    assert isinstance(avatar, NeuralAvatar)
    spec = avatar.spec
    basis = np.load(folder / "motion_basis.npy")
    with av.open(str(folder / "portraits" / "anna.png")) as file:
        picture = next(file.decode(video=0)).to_ndarray(format="rgb24").astype(np.uint8)
    portrait = avatar.prepare(picture)
    # As one sentence, without pauses to cut in.
    text = " ".join(SENTENCES).replace(".", "")
    subprocess.run(["espeak-ng", "-w", str(tmp_path / "speech.wav"), f"{text} {text}"], check=True)
    speech = list(read_audio(tmp_path / "speech.wav"))

    def watch() -> Watched:
        decoder = FakeEngine(
            spec.signature("frame_decoder"), lambda inputs: {"frame": np.zeros((1, 3, 1, 1), np.float32)}
        )
        watched = NeuralAvatar(spec, replace(avatar.engines, frame_decoder=decoder), basis)
        return Watched(watched.start(portrait, StreamSettings(HOP, 2, relaxes_in_silence=False)), decoder)

    plain, idle, interrupted = watch(), watch(), watch()
    for chunk in speech:
        plain.push(chunk)
    for index in range(80):
        idle.push(silent_chunk(index))

    splices: list[int] = []
    index, position = 0, 0
    while position + 60 < len(speech):
        for _ in range(37 + len(splices) % 9):
            interrupted.push(replace(speech[position], index=index))
            index, position = index + 1, position + 1
        # From none to nine frames are drawn and were not shown.
        last_index = max(interrupted.motion) - len(splices) % 10
        taken = interrupted.stream.rewind(last_index)
        assert [chunk.index for chunk in taken] == list(range(last_index + 1, index))
        for chunk in taken:
            interrupted.push(silent_chunk(chunk.index))
        splices.append(last_index)
        for _ in range(20):
            interrupted.push(silent_chunk(index))
            index += 1
    avatar.close()

    def coefficients(watched: Watched) -> np.ndarray:
        assert list(watched.motion) == list(range(len(watched.motion)))
        return np.stack(list(watched.motion.values())) @ basis

    def steps(watched: Watched) -> np.ndarray:
        return np.linalg.norm(np.diff(coefficients(watched), axis=0), axis=1)

    assert len(splices) >= 8 and speech[0].voice.shape == (VOICE_SAMPLES_PER_FRAME,)
    ordinary = steps(plain)[HOP - 1 :: HOP]
    # The step from the last frame shown, and those on which the motion goes over.
    taken_steps = np.stack([steps(interrupted)[splice : splice + SPLICE_GLIDE_FRAMES + 1] for splice in splices])
    for name, found in (("splice", taken_steps[:, 0]), ("after", taken_steps.max(1)), ("seam", ordinary)):
        note_figures({f"{name}_step_p{q}": round(float(np.percentile(found, q)), 2) for q in (50, 95, 100)})
    assert taken_steps[:, 0].max() <= np.median(ordinary)
    assert taken_steps.max() <= np.percentile(ordinary, 95)

    jaw = spec.motion_names.index("jaw")
    at_rest = coefficients(idle)[40:, jaw].max() + 0.3
    opening = coefficients(interrupted)[:, jaw]
    assert max(opening[splice] for splice in splices) > at_rest + 1, "some words were cut with the mouth wide open"
    for splice in splices:
        shut = opening[splice + 1 + SPLICE_GLIDE_FRAMES + 1 : splice + 15]
        assert (shut <= at_rest).all(), (splice, shut)

"""The avatar that ships, silent: its engines do under a third of the work, and nobody could tell from the face."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import av
import numpy as np
import pytest

from assembly.avatar_factory import open_avatar
from bench.sound_files import write_speech
from bundles import embedded_bundle
from contract.packets import FRAMES_PER_S, SAMPLES_PER_FRAME, AvatarFrame, SpeechChunk
from engines.base import Array, Engine, OneAtATime
from media.audio_file import read_audio
from pipeline.avatar import NeuralAvatar, StreamSettings
from pipeline.portrait import Portrait
from pipeline.profile import INTERACTIVE
from tests.fakes import silent_chunk
from tests.figures import Note

# As a call is served.
HOP, LOOKAHEAD = INTERACTIVE.hop_frames, INTERACTIVE.lookahead_frames
NUM_FRAMES = 20 * FRAMES_PER_S
NOISE_LEVEL = 0.003  # of a quiet room: -50 dB of full scale
# Where the portrait's face is: top to chin, ear to ear.
FACE = (slice(60, 220), slice(60, 200))


@dataclass
class Work:
    """What one engine was asked: calls, and the CPU time of the calling thread in them."""

    num_calls: int = 0
    cpu_s: float = 0.0
    inputs: list[dict[str, Array]] = field(default_factory=list)


class Watched(OneAtATime):
    """An engine whose work is counted, its own and that of engines bound from it."""

    def __init__(self, engine: Engine, work: Work) -> None:
        self._engine = engine
        self._work = work
        self.signature = engine.signature

    def run(self, **inputs: Array) -> dict[str, Array]:
        began_s = time.thread_time()
        outputs = self._engine.run(**inputs)
        self._work.cpu_s += time.thread_time() - began_s
        self._work.num_calls += 1
        self._work.inputs.append(inputs)
        return outputs

    def bind(self, **constants: Array) -> "Watched":
        return Watched(self._engine.bind(**constants), self._work)

    def close(self) -> None:
        self._engine.close()


@dataclass
class Stage:
    """The avatar, its portrait and basis; each film watched anew."""

    avatar: NeuralAvatar
    portrait: Portrait
    basis: np.ndarray

    def film(self, chunks: list[SpeechChunk], relaxed: bool = True) -> tuple[list[AvatarFrame], dict[str, Work]]:
        """Frames of a voice, and the work of each engine."""
        engines, work = self.avatar.engines, {"audio": Work(), "flow": Work(), "decoder": Work()}
        watched = replace(
            engines,
            audio_encoder=Watched(engines.audio_encoder, work["audio"]),
            flow_transformer=Watched(engines.flow_transformer, work["flow"]),
            frame_decoder=Watched(engines.frame_decoder, work["decoder"]),
        )
        avatar = NeuralAvatar(self.avatar.spec, watched, self.basis)
        stream = avatar.start(self.portrait, StreamSettings(HOP, LOOKAHEAD, relaxes_in_silence=relaxed))
        return [frame for chunk in chunks for frame in stream.push(chunk)], work

    def motion(self, chunks: list[SpeechChunk], relaxed: bool) -> np.ndarray:
        """Coefficients of the motion drawn for a voice, every frame of it: [frames, directions]."""
        # Without names nothing is known of distances: each frame is painted, from whatever windows.
        engines, work = self.avatar.engines, Work()
        blank = replace(engines, frame_decoder=Watched(Blank(engines.frame_decoder), work))
        stream = NeuralAvatar(replace(self.avatar.spec, motion_names=()), blank, self.basis).start(
            self.portrait, StreamSettings(HOP, LOOKAHEAD, relaxes_in_silence=relaxed)
        )
        for chunk in chunks:
            for _ in stream.push(chunk):
                pass
        return np.stack([np.asarray(inputs["motion_latent"], np.float32)[0] for inputs in work.inputs]) @ self.basis


class Blank(OneAtATime):
    """A decoder of nothing."""

    def __init__(self, engine: Engine) -> None:
        self.signature = engine.signature

    def run(self, **inputs: Array) -> dict[str, Array]:
        return {"frame": np.zeros((1, 3, 1, 1), np.float32)}

    def bind(self, **constants: Array) -> "Blank":
        return self

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture(scope="module")
def stage():
    folder = embedded_bundle()
    avatar = open_avatar(folder, num_threads=1)
    assert isinstance(avatar, NeuralAvatar)
    with av.open(str(folder / "portraits" / "anna.png")) as file:
        picture = next(file.decode(video=0)).to_ndarray(format="rgb24").astype(np.uint8)
    yield Stage(avatar, avatar.prepare(picture), np.load(folder / "motion_basis.npy"))
    avatar.close()


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> list[SpeechChunk]:
    """Twenty seconds of speech without its pauses."""
    spoken = list(read_audio(write_speech(Path(tmp_path_factory.mktemp("talk")) / "speech.wav")))
    loud = [chunk for chunk in spoken if chunk.pcm.std() > 0.005]
    return [replace(loud[index % len(loud)], index=index) for index in range(NUM_FRAMES)]


def silence(noise_level: float = NOISE_LEVEL) -> list[SpeechChunk]:
    rng = np.random.default_rng(5)
    sounds = (rng.normal(0, noise_level, SAMPLES_PER_FRAME).astype(np.float32) for _ in range(NUM_FRAMES))
    return [replace(silent_chunk(index), pcm=pcm) for index, pcm in enumerate(sounds)]


@pytest.mark.slow
@pytest.mark.system("espeak-ng")
def test_idle_costs_the_engines_under_a_third_of_talking(
    stage: Stage, talk: list[SpeechChunk], note_figures: Note
) -> None:
    """The bar, a third of the CPU, is for quiet machines; here twice that, and calls, which are the same everywhere."""
    spoken, talking = stage.film(talk)
    cpu_s = {"talk": sum(work.cpu_s for work in talking.values())}
    for name, chunks in (("room", silence()), ("muted", silence(0))):
        frames, idle = stage.film(chunks)
        assert [frame.index for frame in frames] == [frame.index for frame in spoken]
        cpu_s[name] = sum(work.cpu_s for work in idle.values())
        figures = {f"{name}_cpu_share": cpu_s[name] / cpu_s["talk"]}
        figures |= {f"{name}_{engine}_calls_per_s": work.num_calls * 25 / NUM_FRAMES for engine, work in idle.items()}
        note_figures(figures)
        assert idle["flow"].num_calls <= talking["flow"].num_calls / 4
        assert idle["decoder"].num_calls <= 0.45 * talking["decoder"].num_calls
        assert cpu_s[name] <= 2 / 3 * cpu_s["talk"]
    per_s = {f"talk_{engine}_ms_per_s": work.cpu_s * 25e3 / NUM_FRAMES for engine, work in talking.items()}
    note_figures(per_s)
    assert talking["decoder"].num_calls >= 0.95 * len(spoken), "speech is painted frame by frame"


@pytest.mark.slow
def test_what_is_mixed_is_what_would_be_painted(stage: Stage, note_figures: Note) -> None:
    chunks = silence()[: 8 * FRAMES_PER_S]
    shown, _ = stage.film(chunks)
    stream = NeuralAvatar(replace(stage.avatar.spec, motion_names=()), stage.avatar.engines, stage.basis).start(
        stage.portrait, StreamSettings(HOP, LOOKAHEAD)
    )
    painted = [frame for chunk in chunks for frame in stream.push(chunk)]
    apart = np.stack(
        [np.abs(one.image[FACE].astype(int) - other.image[FACE]) for one, other in zip(shown, painted, strict=True)]
    )
    by_frame = apart.mean((1, 2, 3))
    note_figures(
        {
            "apart_mean_levels": float(apart.mean()),
            "apart_p95_levels": float(np.percentile(apart, 95)),
            "apart_worst_frame_levels": float(by_frame.max()),
            "apart_largest_level": float(apart.max()),
        }
    )
    assert apart.mean() <= 2
    assert by_frame.max() <= 8


@pytest.mark.slow
@pytest.mark.system("espeak-ng")
def test_motion_drawn_ahead_rests_as_ever_and_leaves_no_seam(
    stage: Stage, talk: list[SpeechChunk], note_figures: Note
) -> None:
    pause, words = silence()[:47], talk[:40]
    chunks = [replace(chunk, index=i) for i, chunk in enumerate((pause + words) * 5)]
    relaxed, plain = stage.motion(chunks, relaxed=True), stage.motion(chunks, relaxed=False)
    assert len(relaxed) == len(plain)
    jaw = stage.avatar.spec.motion_names.index("jaw")
    # Frames well inside of a pause, and the first steps of speech, by which what was drawn ahead is given up.
    quiet = [i for i in range(len(relaxed)) if 25 <= i % 87 < 40]
    onsets = [i for i in range(len(relaxed) - 1) if 40 <= i % 87 < 52]
    steps, plain_steps = (np.linalg.norm(np.diff(motion, axis=0), axis=1) for motion in (relaxed, plain))
    apart = np.linalg.norm(relaxed[quiet] - plain[quiet], axis=1)
    figures = {"quiet_apart_p50": np.median(apart), "quiet_apart_p95": np.percentile(apart, 95)}
    figures |= {f"onset_step_p{q}": np.percentile(steps[onsets], q) for q in (50, 95, 100)}
    figures |= {f"plain_onset_step_p{q}": np.percentile(plain_steps[onsets], q) for q in (50, 95, 100)}
    note_figures({name: round(float(value), 2) for name, value in figures.items()})
    assert relaxed[quiet, jaw].max() <= plain[quiet, jaw].max() + 0.1
    assert np.median(apart) <= 0.5
    assert np.percentile(steps[onsets], 95) <= 1.5 * np.percentile(plain_steps[onsets], 95)

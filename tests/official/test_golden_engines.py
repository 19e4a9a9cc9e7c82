"""The released program's numbers come out of the imported bundle's files, on every engine, in float32."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from contract.spec import ComponentName
from engines.base import Engine
from pipeline.motion_sampler import WindowSettings, first_state, sample_window
from pipeline.sound_statistics import normalised_clip
from tests.figures import Note
from tests.golden import arrays, relative_error, weights
from tests.official.made_bundle import OfficialBundle, OpenOfficial

pytestmark = pytest.mark.slow

LATENT_TOLERANCE = 1e-4
FRAME_TOLERANCE = 1e-3
SMALLEST_PSNR_DB = 45.0
FRAME_PEAK = 2.0
CARRIED = 10


@dataclass
class Engines:
    """The components on one backend, opened as they are asked for."""

    backend: str
    open: OpenOfficial

    def __post_init__(self) -> None:
        self._opened: dict[str, Engine] = {}

    def __getitem__(self, name: ComponentName) -> Engine:
        if name not in self._opened:
            self._opened[name] = self.open(name, self.backend)
        return self._opened[name]


@pytest.fixture(scope="module", params=["onnxruntime", "openvino"])
def engines(request: pytest.FixtureRequest, open_official: OpenOfficial) -> Iterator[Engines]:
    engines = Engines(request.param, open_official)
    yield engines
    for engine in engines._opened.values():
        engine.close()


@pytest.fixture(scope="module")
def portrait(engines: Engines) -> dict[str, np.ndarray]:
    return engines["portrait_encoder"].run(image=weights.image())


def decoder_inputs(portrait: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array for name, array in portrait.items() if name.startswith(("identity", "feature_"))}


def test_portrait(portrait: dict[str, np.ndarray]) -> None:
    golden = arrays("autoencoder")
    assert relative_error(portrait["identity_latent"], golden["s_r"]) < LATENT_TOLERANCE
    assert relative_error(portrait["motion_coefficients"], golden["lam"]) < LATENT_TOLERANCE
    assert relative_error(portrait["reference_motion"], golden["r_s"]) < LATENT_TOLERANCE
    # The finest map is already the RGB head's three channels.
    maps = [portrait[f"feature_{level}"] for level in range(6)]
    assert relative_error(np.stack([each.mean() for each in maps]), golden["feat_mean"][:6]) < LATENT_TOLERANCE
    assert relative_error(np.stack([each.std(ddof=1) for each in maps]), golden["feat_std"][:6]) < LATENT_TOLERANCE


def test_frames(engines: Engines, portrait: dict[str, np.ndarray], note_figures: Note) -> None:
    golden = arrays("autoencoder")
    decoder = engines["frame_decoder"].bind(**decoder_inputs(portrait))
    worst = 0.0
    for index, motion in enumerate(golden["r_d"]):
        frame = decoder.run(motion_latent=motion[None])["frame"][0]
        worst = max(worst, float(np.abs(frame.reshape(-1)[golden["pixel_index"]] - golden["pixels"][index]).max()))
        assert abs(frame.mean() - golden["frame_mean"][index]) < FRAME_TOLERANCE
        assert abs(frame.std(ddof=1) - golden["frame_std"][index]) < FRAME_TOLERANCE
    note_figures({"largest_difference_millionths": worst * 1e6})
    assert worst < FRAME_TOLERANCE


def flow_inputs(time: float, audio_guidance: float, emotion_guidance: float) -> dict[str, np.ndarray]:
    """Inputs of one golden evaluation, with zeros carried over."""
    golden = arrays("flow")
    audio = weights.series(0, 4, 130, 512, 1.0)[None]
    noise = np.random.default_rng([0, 5]).standard_normal((3, 50, 512)).astype(np.float32)
    scalars = {"time": time, "audio_guidance": audio_guidance, "emotion_guidance": emotion_guidance}
    return {
        "noisy_motion": noise[:1],
        "audio_features": audio[:, :50],
        "carried_motion": np.zeros((1, CARRIED, 512), np.float32),
        "carried_audio": np.zeros((1, CARRIED, 512), np.float32),
        "reference_motion": golden["r_s"].reshape(1, 512),
        "emotion": golden["we"].reshape(1, 7),
        **{name: np.array([value], np.float32) for name, value in scalars.items()},
    }


def guided_inputs(noise: np.ndarray) -> dict[str, np.ndarray]:
    """Inputs of the golden evaluation that carries something over."""
    audio = weights.series(0, 4, 130, 512, 1.0)[None]
    return {**flow_inputs(0.3, 2.0, 1.0), "carried_motion": noise[1:2, :CARRIED], "carried_audio": audio[:, 50:60]}


def test_velocities(engines: Engines, golden_noise: np.ndarray) -> None:
    golden = arrays("flow")
    for name, inputs in {
        "guided": guided_inputs(golden_noise),
        "plain": flow_inputs(0.7, 1.0, 1.0),
        "strong": flow_inputs(0.7, 3.0, 5.0),
    }.items():
        velocity = engines["flow_transformer"].run(**inputs)["velocity"]
        assert relative_error(velocity, golden[name][:, CARRIED:]) < LATENT_TOLERANCE, name


def test_sequence_of_130_frames(official_bundle: OfficialBundle, engines: Engines, golden_noise: np.ndarray) -> None:
    golden, spec = arrays("flow"), official_bundle.manifest.spec
    audio = weights.series(0, 4, 130, 512, 1.0)
    flow = engines["flow_transformer"].bind(reference_motion=golden["r_s"].reshape(1, 512))
    settings = WindowSettings(
        hop_frames=50,
        lookahead_frames=0,
        euler_points=spec.euler_points,
        audio_guidance=spec.audio_guidance,
        emotion_guidance=spec.emotion_guidance,
    )
    state, drawn = first_state(spec), []
    for start, rows in zip(range(0, 130, 50), golden_noise, strict=True):
        motion, state = sample_window(flow, settings, state, audio[start : start + 50], golden["we"].reshape(7), rows)
        drawn.append(motion)
    assert relative_error(np.concatenate(drawn)[None], golden["sample"]) < LATENT_TOLERANCE


def test_audio_features(engines: Engines) -> None:
    sound = normalised_clip(weights.waveform())
    features = engines["audio_encoder"].run(
        pcm=sound.pcm, window_mean=sound.window_mean, window_root=sound.window_root
    )["audio_features"]
    assert relative_error(features, arrays("audio")["wa"]) < LATENT_TOLERANCE


def test_a_batch_gives_what_its_items_give(
    engines: Engines, portrait: dict[str, np.ndarray], golden_noise: np.ndarray
) -> None:
    golden = arrays("autoencoder")
    runs: dict[ComponentName, list[dict[str, np.ndarray]]] = {
        "frame_decoder": [{**decoder_inputs(portrait), "motion_latent": motion[None]} for motion in golden["r_d"][:2]],
        "flow_transformer": [guided_inputs(golden_noise), flow_inputs(0.7, 3.0, 5.0)],
        "audio_encoder": [vars_of(weights.waveform(seed)) for seed in (0, 1)],
    }
    for name, (first, second) in runs.items():
        both = {key: np.concatenate([first[key], second[key]]) for key in first}
        of_two = engines.open(name, engines.backend, batch_is_free=True)
        (output,) = of_two.run(**both).values()
        of_two.close()
        for row, item in zip(output, (first, second), strict=True):
            (alone,) = engines[name].run(**item).values()
            assert relative_error(row[None], alone) < LATENT_TOLERANCE, name


def vars_of(pcm: np.ndarray) -> dict[str, np.ndarray]:
    """The audio encoder's inputs for a clip."""
    sound = normalised_clip(pcm)
    return {"pcm": sound.pcm, "window_mean": sound.window_mean, "window_root": sound.window_root}


def test_frames_in_bfloat16_stay_close(open_official: OpenOfficial, note_figures: Note) -> None:
    portrait = open_official("portrait_encoder", "openvino").run(image=weights.image())
    exact = open_official("frame_decoder", "openvino").bind(**decoder_inputs(portrait))
    rounded = open_official("frame_decoder", "openvino", "bfloat16").bind(**decoder_inputs(portrait))
    errors = []
    for motion in arrays("autoencoder")["r_d"]:
        frames = [np.asarray(engine.run(motion_latent=motion[None])["frame"]) for engine in (exact, rounded)]
        errors.append(np.square(np.subtract(*frames, dtype=np.float32)).mean())
    error = float(np.mean(errors))
    assert error <= FRAME_PEAK**2 / 10 ** (SMALLEST_PSNR_DB / 10)
    # A processor without bfloat16 runs both in float32, and they are equal.
    if error > 0:
        note_figures({"psnr_db": 10 * math.log10(FRAME_PEAK**2 / error)})

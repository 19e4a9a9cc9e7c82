"""How far what a stream hears and does is from what the whole clip would have made of it.

In:  a bundle whose audio encoder takes statistics (FLOAT's), files of speech
Out: a table in Markdown: drift of features and motion by context, look-ahead and normalisation; time of a call

    python -m bench.audio_drift --bundle BUNDLE SPEECH...         without --bundle, what needs no networks

Drift is the root mean square of the difference to whole-clip features (or to the motion drawn from them with the same
noise) over the spread of the latter about its mean. Calls give five frames, about as in conversation. Two stretches of
a clip are measured, their first ten frames being what the motion of the others carries over.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from pathlib import Path
from time import perf_counter

import numpy as np

from bundles.manifest import read_manifest
from contract.errors import ConfigError
from contract.packets import FRAMES_PER_S, MODEL_RATE_HZ, SAMPLES_PER_FRAME, Float32Array
from contract.spec import AUDIO_WINDOW_SAMPLES, AvatarSpec, ComponentName
from engines.base import Array, Engine, OneAtATime
from engines.registry import open_engine, resolve_backend
from media.audio_file import read_audio
from pipeline.audio_features import FrameGroups, FreeCalls, Normalisation, clip_features
from pipeline.motion_noise import frame_noise
from pipeline.motion_sampler import WindowSettings, WindowState, first_state, sample_window
from pipeline.predicted_emotion import emotion_vector
from pipeline.sound_statistics import (
    Float64Array,
    NormalisedSound,
    RunningStatistics,
    WindowMoments,
    normalised_clip,
    window_moments,
)

CONTEXTS_S = (1, 2, 4, 8)
LOOKAHEADS_FRAMES = (0, 2, 4, 8, 16)
GROUP_FRAMES = 5
# So late that the longest context is there; the last stretch ends the clip.
FIRST_START_FRAMES = max(CONTEXTS_S) * FRAMES_PER_S
NUM_STRETCHES = 2
# What a window is normalised by does not depend on where the frames asked for lie in it: two look-aheads are enough.
WINDOW_LOOKAHEADS_FRAMES = (0, 8)
START_SPANS_S = (0, 1, 2, 4, 8)
NUM_TIMED_CALLS = 5
NUM_FILTERS = 512
PAUSE_S = 4
ROOM_NOISE = 1e-3  # -60 dB


class WindowStatistics:
    """Normalises each call by its own sound alone, as wav2vec2 does when it is just given a window."""

    def hear(self, pcm: Float32Array) -> None:
        """Remember nothing."""

    def normalise(self, pcm: Float32Array) -> NormalisedSound:
        """The window in units of itself."""
        return normalised_clip(pcm)

    def reset(self) -> None:
        """Nothing to forget."""


class SomeCalls(OneAtATime):
    """An audio encoder that runs only the calls whose frames are asked for, and gives zeros for the others."""

    def __init__(self, engine: Engine, audio_feature_dim: int, is_wanted: Sequence[bool]) -> None:
        self.signature = engine.signature
        self._engine = engine
        self._dim = audio_feature_dim
        self._is_wanted = is_wanted
        self._num_calls = 0

    def run(self, **inputs: Array) -> dict[str, Array]:
        """Run, or not."""
        first = self._num_calls * GROUP_FRAMES
        self._num_calls += 1
        if any(self._is_wanted[first : first + GROUP_FRAMES]):
            return self._engine.run(**inputs)
        num_frames = inputs["pcm"].shape[1] // SAMPLES_PER_FRAME
        return {"audio_features": np.zeros((1, num_frames, self._dim), np.float32)}

    def bind(self, **constants: Array) -> "SomeCalls":
        """The same choice of calls with some inputs kept."""
        return SomeCalls(self._engine.bind(**constants), self._dim, self._is_wanted)

    def close(self) -> None:
        """The engine is the caller's."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip of speech, what the whole-clip encoder makes of it, and the stretches that are measured.

    pcm: [samples] float32
    features: [frames, audio_feature_dim] float32
    starts_frames: first frame of each stretch
    carried_motion: [carried_frames, latent_dim] float32 of each stretch, what its motion is carried on from
    """

    pcm: Float32Array
    features: Float32Array
    starts_frames: tuple[int, ...]
    carried_motion: tuple[Float32Array, ...]


class Drift:
    """Two networks, clips, and what they make of each other."""

    def __init__(
        self,
        audio_encoder: Engine,
        flow: Engine,
        spec: AvatarSpec,
        sounds: Sequence[Float32Array],
        new_frames: int = 25,
    ) -> None:
        """Hear the clips as wholes.

        flow: the flow transformer, with `reference_motion` bound
        new_frames: of each stretch, those whose motion is drawn; before them stand those carried over
        """
        self._audio_encoder, self._flow, self._spec = audio_encoder, flow, spec
        self._new_frames = new_frames
        self._length_frames = spec.carried_frames + new_frames
        self._clips = [self._heard_whole(pcm) for pcm in sounds]
        self._stretches = [each for clip in self._clips for each in self._drawn(clip, clip.features)]

    def measure(self, context_s: float, lookahead_frames: int, normalisation: Normalisation) -> tuple[float, float]:
        """Drift of features and of motion, as shares of their spread."""
        spec = replace(
            self._spec,
            audio_context_frames=round(context_s * FRAMES_PER_S),
            audio_lookahead_frames=lookahead_frames,
        )
        rolled = [each for clip in self._clips for each in self._drawn(clip, self._heard(clip, spec, normalisation))]
        features, motion = (_drift([r[i] for r in rolled], [s[i] for s in self._stretches]) for i in (0, 1))
        return features, motion

    def at_start(self) -> list[float]:
        """Drift of features between the times of START_SPANS_S, with the bundle's own context and look-ahead."""
        wanted = range(START_SPANS_S[-1] * FRAMES_PER_S)
        rolled = [self._heard(clip, self._spec, RunningStatistics(), wanted) for clip in self._clips]
        spans = [slice(a * FRAMES_PER_S, b * FRAMES_PER_S) for a, b in pairwise(START_SPANS_S)]
        return [_drift([r[span] for r in rolled], [c.features[span] for c in self._clips]) for span in spans]

    def _heard_whole(self, pcm: Float32Array) -> Clip:
        features = clip_features(self._audio_encoder, self._spec, pcm)
        last = (len(features) - self._length_frames) // GROUP_FRAMES * GROUP_FRAMES
        if last < FIRST_START_FRAMES:
            expected_s = (FIRST_START_FRAMES + self._length_frames + GROUP_FRAMES) / FRAMES_PER_S
            raise ConfigError(f"a sound lasts {len(features) / FRAMES_PER_S:.2f} s, expected at least {expected_s:.2f}")
        places = np.linspace(FIRST_START_FRAMES, last, NUM_STRETCHES) // GROUP_FRAMES * GROUP_FRAMES
        starts = tuple(int(place) for place in places)
        carried = self._spec.carried_frames
        motion = []
        for start in starts:
            motion.append(self._motion(start, features[start : start + carried], first_state(self._spec)))
        return Clip(pcm, features, starts, tuple(motion))

    def _heard(
        self, clip: Clip, spec: AvatarSpec, normalisation: Normalisation, wanted: Iterable[int] | None = None
    ) -> Float32Array:
        """Features of a clip that was heard as a stream, right where they are wanted: in its stretches."""
        is_wanted = np.zeros(len(clip.features) + GROUP_FRAMES, bool)
        for start in clip.starts_frames:
            is_wanted[start : start + self._length_frames] = True
        if wanted is not None:
            is_wanted[:] = False
            is_wanted[list(wanted)] = True
        encoder = SomeCalls(self._audio_encoder, spec.audio_feature_dim, is_wanted.tolist())
        calls = FreeCalls(encoder, spec, FrameGroups(GROUP_FRAMES, GROUP_FRAMES), normalisation)
        frames = np.pad(clip.pcm, (0, -len(clip.pcm) % SAMPLES_PER_FRAME)).reshape(-1, SAMPLES_PER_FRAME)
        return np.stack([feature for frame in frames for feature in calls.push(frame)] + calls.flush())

    def _drawn(self, clip: Clip, features: Float32Array) -> Iterator[tuple[Float32Array, Float32Array]]:
        """Features and motion of every stretch. All motion is carried on from the same, whatever was heard."""
        carried = self._spec.carried_frames
        for start, carried_motion in zip(clip.starts_frames, clip.carried_motion, strict=True):
            heard = features[start : start + self._length_frames]
            state = WindowState(carried_motion, heard[:carried])
            yield heard, self._motion(start + carried, heard[carried:], state)

    def _motion(self, first_index: int, features: Float32Array, state: WindowState) -> Float32Array:
        spec = self._spec
        settings = WindowSettings(len(features), 0, spec.euler_points, spec.audio_guidance, spec.emotion_guidance)
        noise = frame_noise(0, first_index, len(features), spec.latent_dim)
        motion, _ = sample_window(self._flow, settings, state, features, emotion_vector("neutral"), noise)
        return motion


def call_ms(audio_encoder: Engine, context_s: float, lookahead_frames: int) -> float:
    """Median time of one call that gives five frames, in milliseconds."""
    num_frames = round(context_s * FRAMES_PER_S) + GROUP_FRAMES + lookahead_frames
    pcm = np.random.default_rng(0).normal(0, 0.1, num_frames * SAMPLES_PER_FRAME).astype(np.float32)
    took_s = []
    for _ in range(NUM_TIMED_CALLS + 1):
        began_s = perf_counter()
        sound = normalised_clip(pcm)
        audio_encoder.run(pcm=sound.pcm, window_mean=sound.window_mean, window_root=sound.window_root)
        took_s.append(perf_counter() - began_s)
    return 1000 * float(np.median(took_s[1:]))


def scale_errors(pcm: Float32Array, frames: Sequence[int], context_s: float) -> tuple[float, float]:
    """How far what channels are divided by is from the whole clip's: running, and by window.

    frames: the last frame of each call
    Returns the root mean square of the ratio's natural logarithm, over random channels of the first layer.
    """
    filters = np.random.default_rng(0).standard_normal((NUM_FILTERS, AUDIO_WINDOW_SAMPLES))

    def scales(moments: WindowMoments) -> Float64Array:
        covariance = moments.square - np.outer(moments.mean, moments.mean)
        return np.sqrt(np.maximum(((filters @ covariance) * filters).sum(1), 1e-12))

    running, num_heard, errors = RunningStatistics(), 0, []
    whole = scales(window_moments(pcm))
    for last in frames:
        for i in range(num_heard, last + 1):
            running.hear(pcm[i * SAMPLES_PER_FRAME : (i + 1) * SAMPLES_PER_FRAME])
        num_heard = last + 1
        first = max(0, num_heard - GROUP_FRAMES - round(context_s * FRAMES_PER_S))
        window = window_moments(pcm[first * SAMPLES_PER_FRAME : num_heard * SAMPLES_PER_FRAME])
        # Too little by half is as wrong as twice too much.
        errors.append([np.log(scales(moments) / whole) for moments in (running.moments, window)])
    shares = np.sqrt(np.square(errors).mean((0, 2)))
    return float(shares[0]), float(shares[1])


def scale_table(sounds: Sequence[Float32Array]) -> Iterator[str]:
    """Errors of scale in speech, and at the end of a pause of four seconds with the noise of a quiet room."""
    yield "| context, s | speech, running | by window | long pause, running | by window |"
    yield "|---|---|---|---|---|"
    middle = 5 * MODEL_RATE_HZ
    for context_s in CONTEXTS_S:
        errors = []
        for number, sound in enumerate(sounds):
            paused = np.concatenate([sound[:middle], np.zeros(PAUSE_S * MODEL_RATE_HZ, np.float32), sound[middle:]])
            room = np.random.default_rng(number).normal(0, ROOM_NOISE, len(paused)).astype(np.float32)
            heard, end = sound + room[: len(sound)], middle // SAMPLES_PER_FRAME + PAUSE_S * FRAMES_PER_S
            speaking = range(FIRST_START_FRAMES, len(sound) // SAMPLES_PER_FRAME, GROUP_FRAMES)
            resting = range(end - FRAMES_PER_S, end, GROUP_FRAMES)
            errors.append([*scale_errors(heard, speaking, context_s), *scale_errors(paused + room, resting, context_s)])
        shown = " | ".join(f"{error:.2f}" for error in np.sqrt(np.square(errors).mean(0)))
        yield f"| {context_s} | {shown} |"


def drift_table(drift: Drift) -> Iterator[str]:
    """The rows of the table as they are measured."""
    yield "| context, s | look-ahead, frames | features, running | by window | motion, running | by window |"
    yield "|---|---|---|---|---|---|"
    for context_s, lookahead_frames in product(CONTEXTS_S, LOOKAHEADS_FRAMES):
        running = drift.measure(context_s, lookahead_frames, RunningStatistics())
        shown = [f"{figure:.1%}" for figure in running]
        if lookahead_frames in WINDOW_LOOKAHEADS_FRAMES:
            window = drift.measure(context_s, lookahead_frames, WindowStatistics())
            shown += [f"{figure:.1%}" for figure in window]
        features, motion, *others = [*shown, "", ""][:4]
        yield f"| {context_s} | {lookahead_frames} | {features} | {others[0]} | {motion} | {others[1]} |"


def start_table(drift: Drift) -> Iterator[str]:
    """Drift of features by time since the stream's start."""
    yield "| since the start, s | features |"
    yield "|---|---|"
    for (first_s, end_s), figure in zip(pairwise(START_SPANS_S), drift.at_start(), strict=True):
        yield f"| {first_s} to {end_s} | {figure:.1%} |"


def time_table(audio_encoder: Engine, lookahead_frames: int) -> Iterator[str]:
    """Time of a call by context."""
    yield "| context, s | a call of five frames, ms |"
    yield "|---|---|"
    for context_s in CONTEXTS_S:
        yield f"| {context_s} | {call_ms(audio_encoder, context_s, lookahead_frames):.0f} |"


def _drift(values: Sequence[Float32Array], expected: Sequence[Float32Array]) -> float:
    got, wanted = np.concatenate(values), np.concatenate(expected)
    return float(np.sqrt(np.square(got - wanted).mean() / np.square(wanted - wanted.mean(0)).mean()))


def main() -> None:
    """Measure the bundle that the command line names."""
    parser = argparse.ArgumentParser(description="Drift of streamed sound from whole clips, as tables in Markdown.")
    parser.add_argument("--bundle", type=Path, default=None, help="a bundle made by import-checkpoint")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--num-threads", type=int, default=None)
    parser.add_argument("--times-only", action="store_true")
    parser.add_argument("--new-frames", type=int, default=25, help="drawn in each stretch after ten carried over")
    parser.add_argument("sounds", type=Path, nargs="+", help="files of speech, 10 to 20 s each")
    asked = parser.parse_args()
    sounds = [np.concatenate([chunk.pcm for chunk in read_audio(path)]) for path in asked.sounds]
    tables = [scale_table(sounds)] if asked.bundle is None else _tables_of_bundle(asked, sounds)
    sys.stdout.write("\n\n".join("\n".join(table) for table in tables) + "\n")


def _tables_of_bundle(asked: argparse.Namespace, sounds: Sequence[Float32Array]) -> list[Iterator[str]]:
    manifest = read_manifest(asked.bundle, verify_sums=False)
    spec, backend = manifest.spec, resolve_backend(asked.engine)
    if not spec.audio_statistics:
        raise ConfigError(f"{asked.bundle}: its audio encoder hears a fixed stretch, expected one with statistics")

    def opened(name: ComponentName) -> Engine:
        path = asked.bundle / manifest.components[name].file
        return open_engine(backend, path, spec.signature(name), "float32", asked.num_threads)

    audio_encoder = opened("audio_encoder")
    times = time_table(audio_encoder, spec.audio_lookahead_frames)
    if asked.times_only:
        return [times]
    flow = opened("flow_transformer").bind(reference_motion=np.zeros((1, spec.latent_dim), np.float32))
    drift = Drift(audio_encoder, flow, spec, sounds, asked.new_frames)
    return [times, scale_table(sounds), start_table(drift), drift_table(drift)]


if __name__ == "__main__":
    main()

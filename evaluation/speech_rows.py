"""Rows about talking: lips against phones, lips against a real voice, a mouth that rests, eyes that blink.

In: an examination. Out: figures, and sheets of pictures for the eye.
"""

from pathlib import Path

import numpy as np

from contract.packets import FRAMES_PER_S, MODEL_RATE_HZ, SAMPLES_PER_FRAME, Float32Array
from evaluation.examination import Examination, Talk, cut, sheet
from evaluation.face_crops import Framing
from evaluation.held_out import noise, person
from evaluation.lip_sync import closures, lag_frames, num_closed, pearson
from evaluation.motion import blinks, per_minute
from evaluation.table import Figure, not_measured
from media.audio_file import read_audio
from pipeline.avatar import StreamSettings
from training.motion_names import MOTION_NAMES

REAL_VOICES = Path("/usr/share/sounds/alsa")
_NOISE_RMS = 0.02
_PAUSE_S = 0.4
_PLACES = "Front_Center Front_Left Front_Right Rear_Center Rear_Left Rear_Right Side_Left Side_Right"
_NUM_LISTENERS = 3


def lips(exam: Examination) -> list[Figure]:
    """Jaw and rounding read from frames against the phones, how late they come, and whether p, b and m close."""
    talks = exam.talks
    exam.sheets["lips"] = sheet([list(column) for talk in talks[:3] for column in zip(*talk.stills, strict=True)])
    jaw, ceiling_jaw = _mean_r(talks, "jaw")
    rounding, ceiling_rounding = _mean_r(talks, "lip_rounding")
    opening = float(np.mean([pearson(t.opening[t.spoken], t.found.of("opening")[t.spoken]) for t in talks]))
    lags = np.array([lag_frames(_truth(t, "jaw")[t.spoken], t.found.of("jaw")[t.spoken]) for t in talks])
    how = f"{len(talks)} held-out voices, {sum(t.clip.num_frames for t in talks) / FRAMES_PER_S:.0f} s"
    return [
        Figure("lips", "r of jaw", jaw, 0.85, 0.9, note=f"{how}; {ceiling_jaw:.2f} on the painter's own frames"),
        Figure("lips", "r of rounding", rounding, 0.7, 0.8, note=f"{how}; {ceiling_rounding:.2f} on the painter's own"),
        Figure("lips", "r of the gap between the lips", opening, better="neither", note=how),
        Figure(
            "lag", "lag of lips to sound, median of its size", float(np.median(np.abs(lags))), 1, 0.5, "lower",
            "frames", f"{how}; signed median {np.median(lags):+.2f}, late is positive",
        ),
        *_closures(exam, talks),
    ]  # fmt: skip


def _closures(exam: Examination, talks: list[Talk]) -> list[Figure]:
    below = exam.reader.closed_below
    stretches = [closures(_truth(talk, "lip_closing")) for talk in talks]
    total = sum(len(each) for each in stretches)
    if not total:
        return not_measured("closures", ["p, b, m closed in the frame"], "no p, b or m is said")
    ours, painter = (
        sum(num_closed(s, getattr(talk, kind).of("opening"), below) for s, talk in zip(stretches, talks, strict=True))
        for kind in ("found", "painted")
    )
    how = (
        f"{total} closures, a gap under {below:.2f} % of the height; {100 * painter / total:.1f} % on the painter's own"
    )
    return [Figure("closures", "p, b, m closed in the frame", ours / total, 0.90, 0.95, unit="%", note=how)]


def rest(exam: Examination) -> list[Figure]:
    """A mouth that stays shut in silence and in noise, and eyes that blink."""
    size, below = exam.size, exam.reader.closed_below
    shares: dict[str, list[float]] = {"silence": [], "noise": []}
    num_blinks = num_resting = 0
    for number in range(size.num_silent):
        identity = person(200 + number)
        _, portrait = exam.painted_portrait(identity)
        settings = StreamSettings(seed=number)
        for kind, pcm in (
            ("silence", np.zeros(round(size.silence_s * MODEL_RATE_HZ), np.float32)),
            ("noise", noise(size.silence_s, _NOISE_RMS, number)),
        ):
            found = exam.reader.read(exam.puppet.film(portrait, pcm, settings), Framing.of(identity))
            shares[kind].append(float((found.of("opening") < below).mean()))
            num_blinks += blinks(found.of("blink"))
            num_resting += len(found.readings)
    talks = exam.talks
    spoken = sum(len(talk.found.readings) for talk in talks)
    talking = per_minute(sum(blinks(talk.found.of("blink")) for talk in talks), spoken)
    painter = per_minute(sum(blinks(talk.painted.of("blink")) for talk in talks), spoken)
    truth = per_minute(sum(blinks(_truth(talk, "blink")) for talk in talks), spoken)
    how = f"{size.num_silent} people, {size.silence_s:g} s each"
    return [
        Figure("rest", "mouth closed in silence", float(np.mean(shares["silence"])), 0.99, unit="%", note=how),
        Figure(
            "rest", "mouth closed in noise", float(np.mean(shares["noise"])), 0.99, unit="%",
            note=f"{how}; white, rms {_NOISE_RMS:g}",
        ),
        Figure(
            "blinks", "blinks a minute, talking", talking, 8, 30, "between", "",
            f"truth {truth:.1f}, read from the painter's own frames {painter:.1f}",
        ),
        Figure("blinks", "blinks a minute, at rest", per_minute(num_blinks, num_resting), 8, 30, "between", "", how),
    ]  # fmt: skip


def real_voice(exam: Examination) -> list[Figure]:
    """A recorded human voice: the gap between the lips against its loudness."""
    name = "r of the gap between the lips with loudness, a recorded voice"
    pcm = recorded_words()
    if pcm is None:
        return not_measured("real_voice", [name], f"no recordings in {REAL_VOICES}: alsa-utils is not installed")
    loudness = np.sqrt((pcm.reshape(-1, SAMPLES_PER_FRAME) ** 2).mean(1))
    scores, rows = [], []
    for number in range(_NUM_LISTENERS):
        identity = person(300 + number)
        _, portrait = exam.painted_portrait(identity)
        frames = exam.puppet.film(portrait, pcm, StreamSettings(seed=number))
        scores.append(pearson(loudness, exam.reader.read(frames, Framing.of(identity)).of("opening")))
        rows += [list(frames[8:38:3]), list(frames[-40:-10:3])]
    exam.sheets["real_voice"] = sheet(rows)
    span = f"{min(scores):.2f} to {max(scores):.2f}"
    how = f"eight words of alsa-utils, {len(loudness) / FRAMES_PER_S:.1f} s, {_NUM_LISTENERS} people, {span}"
    return [Figure("real_voice", name, float(np.mean(scores)), 0.5, note=how)]


def recorded_words(folder: Path = REAL_VOICES) -> Float32Array | None:
    """The recorded words one after another with pauses, [num_frames * 640] float32; None where they are not there."""
    paths = [folder / f"{word}.wav" for word in _PLACES.split()]
    if not all(path.is_file() for path in paths):
        return None
    pause = np.zeros(round(_PAUSE_S * MODEL_RATE_HZ), np.float32)
    parts = [pause]
    for path in paths:
        parts += [np.concatenate([chunk.pcm for chunk in read_audio(path)]), pause]
    whole = np.concatenate(parts)
    return cut(whole, 0, -(-len(whole) // SAMPLES_PER_FRAME))


def _truth(talk: Talk, name: str) -> Float32Array:
    return talk.clip.motion[:, MOTION_NAMES.index(name)]


def _mean_r(talks: list[Talk], name: str) -> tuple[float, float]:
    """Mean over clips of Pearson's r between the first phone and the last: the avatar's frames, the painter's own."""
    ours, painter = (
        float(np.mean([pearson(_truth(t, name)[t.spoken], getattr(t, kind).of(name)[t.spoken]) for t in talks]))
        for kind in ("found", "painted")
    )
    return ours, painter

"""Rows about how a face moves: the mood it was asked for, and whether windows join without a jump.

In: an examination. Out: figures, and sheets of pictures for the eye.
"""

from dataclasses import replace

import numpy as np

from contract.packets import FRAMES_PER_S, SAMPLES_PER_FRAME
from contract.spec import EMOTIONS
from evaluation.examination import Examination, cut, sheet
from evaluation.face_crops import Framing
from evaluation.held_out import person
from evaluation.table import Figure
from pipeline.avatar import StreamSettings
from pipeline.window_seams import Float64Array, seam_ratio, speeds, split_at_seams

_MOST_DELAYS = 10


def emotions(exam: Examination) -> list[Figure]:
    """The emotion chosen is the emotion that a classifier of painted faces sees."""
    size = exam.size
    num_frames = round(size.mood_clip_s * FRAMES_PER_S)
    seen = np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
    clips_right, rows = [], []
    for number in range(size.num_mood_people):
        clip = exam.clips[-1 - number]
        pcm = cut(clip.pcm, int(np.flatnonzero(clip.speech_mask)[0]), num_frames)
        identity = person(400 + number)
        _, portrait = exam.painted_portrait(identity)
        row = []
        for index, emotion in enumerate(EMOTIONS):
            frames = exam.puppet.film(portrait, pcm, StreamSettings(emotion=emotion, seed=number))
            moods = exam.reader.read(frames, Framing.of(identity)).moods
            clips_right.append(int(moods.mean(0).argmax()) == index)
            seen[index] += np.bincount(moods.argmax(1), minlength=len(EMOTIONS))
            row.append(frames[num_frames // 2])
        rows.append(row)
    exam.sheets["emotions"] = sheet(rows)
    shares = seen / seen.sum(1, keepdims=True)
    worst = int(shares.diagonal().argmin())
    taken_for = EMOTIONS[int(shares[worst].argmax())]
    checked = exam.reader.checks["mood_share"]
    how = f"7 emotions x {size.num_mood_people} people, {size.mood_clip_s:g} s each"
    detail = f"{how}; the least seen is {EMOTIONS[worst]} ({100 * shares[worst, worst]:.0f} %, mostly {taken_for})"
    return [
        Figure(
            "emotions", "emotion chosen is seen, by clip", float(np.mean(clips_right)), 0.85, 0.95,
            unit="%", note=how,
        ),
        Figure(
            "emotions", "emotion chosen is seen, by frame", float(shares.diagonal().mean()), 0.85, 0.95, unit="%",
            note=f"{detail}; {100 * checked:.1f} % on painted frames",
        ),
    ]  # fmt: skip


def seams(exam: Examination) -> list[Figure]:
    """Median speed of motion over the seams of windows against that inside them."""
    live = StreamSettings()
    window = exam.puppet.spec.window_frames
    figures = []
    for hop, lookahead, what in (
        (window, 0, "whole windows"),
        (live.hop_frames, live.lookahead_frames, "what serve draws"),
    ):
        # Speech moves more at some frames than at others, and seams every 50 frames from its start fall in few of them:
        # even true motion, which has none, would read 1.08 there. So each clip is drawn again after longer silences.
        delays = range(0, hop, max(1, hop // _MOST_DELAYS))
        parts = [
            _split_speeds(exam, number, StreamSettings(hop, lookahead, seed=number), delay)
            for number in range(exam.size.num_seam_clips)
            for delay in delays
        ]
        at_seams, inside = (np.concatenate(each) for each in zip(*parts, strict=True))
        name = f"jump at seams over jump inside, hop {hop}, look-ahead {lookahead}"
        how = f"{what}; {len(at_seams)} seams in {exam.size.num_seam_clips} clips, each begun at {len(delays)} places"
        figures.append(Figure("seams", name, seam_ratio(at_seams, inside), 1.1, 1.02, "lower", "", how))
    return figures


def _split_speeds(
    exam: Examination, number: int, settings: StreamSettings, delay_frames: int
) -> tuple[Float64Array, Float64Array]:
    """Speeds at and between the seams of a clip that begins so many frames late."""
    clip = exam.clips[number]
    _, portrait = exam.painted_portrait(person(100 + number))
    settings = replace(settings, emotion=EMOTIONS[clip.emotion])
    pcm = np.pad(clip.pcm, (delay_frames * SAMPLES_PER_FRAME, 0))
    drawn = exam.puppet.drawn_motion(portrait, pcm, settings)
    return split_at_seams(speeds(drawn), settings.hop_frames, delay_frames)

"""Rows about how a face moves: the mood it was asked for, and whether windows join without a jump.

In: an examination. Out: figures, and sheets of pictures for the eye.
"""

import numpy as np

from contract.packets import FRAMES_PER_S
from contract.spec import EMOTIONS
from evaluation.examination import Examination, cut, sheet
from evaluation.face_crops import Framing
from evaluation.held_out import person
from evaluation.table import Figure
from pipeline.avatar import StreamSettings
from pipeline.window_seams import seam_ratio, speeds, split_at_seams


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
    for hop, lookahead, num_clips, what in (
        (window, 0, exam.size.num_seam_clips, "whole windows"),
        (live.hop_frames, live.lookahead_frames, exam.size.num_live_seam_clips, "what serve draws"),
    ):
        over, inside = [], []
        for number in range(num_clips):
            clip = exam.clips[number]
            _, portrait = exam.painted_portrait(person(100 + number))
            settings = StreamSettings(hop, lookahead, seed=number, emotion=EMOTIONS[clip.emotion])
            parts = split_at_seams(speeds(exam.puppet.drawn_motion(portrait, clip.pcm, settings)), hop)
            over.append(parts[0])
            inside.append(parts[1])
        at_seams = np.concatenate(over)
        ratio = seam_ratio(at_seams, np.concatenate(inside))
        name = f"jump at seams over jump inside, hop {hop}, look-ahead {lookahead}"
        how = f"{what}; {len(at_seams)} seams in {num_clips} clips"
        figures.append(Figure("seams", name, ratio, 1.1, 1.02, "lower", "", how))
    return figures

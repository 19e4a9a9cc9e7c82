"""What a viewer's record says: how long each frame was in each stage, from the microphone to the eye and the ear.

In: a `CallRecord`. Out: values in ms by stage, and counts. The stages of one frame follow each other without gap:

    capture        from the beginning of a click to the arrival of its chunk's last sample (the chunk's rest, the
                   packet, the network, the cushion against its jitter); known of frames that hold a click
    ingest ... wait, encode   the server's own, as server.frame_times tells them
    network        from the picture's packets to the arrival of the last of them
    jitter_buffer  from there to the decoded picture; this viewer holds nothing back
    mic_to_eye     from the beginning of a click to the picture that shows its mark
    mic_to_ear     from the beginning of a click to its beginning in the returned voice
    transport      mic_to_eye without what the avatar waits and works: window, audio, flow, queue, decode, python
    av_skew        picture minus sound of a click, less the click's place in its 40 ms; above zero the picture is late
    av_skew_size   the same without its sign

A picture is known as that of a click by the mark in its pixels, so a picture that came with another's number would be
seen. What this can't see: a display, a sound card, a real network, and whether the lips fit the sound.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.clicks import click_onsets, matched
from bench.viewer import CallRecord, Heard, Seen
from contract.packets import FRAMES_PER_S, VOICE_RATE_HZ, VOICE_SAMPLES_PER_FRAME, Int16Array

AVATAR_STAGES = ("window", "audio", "flow", "queue", "decode", "python")
FRAME_S = 1 / FRAMES_PER_S
# A picture this much behind the beat of the others is late.
LATE_S = FRAME_S / 2
# What Opus holds back of a sound and aiortc does not take off its timestamps.
OPUS_DELAY_SAMPLES = 312
# They grow in every call.
NOT_COUNTED = ("frames_rendered", "voice_samples_received")


@dataclass(frozen=True, slots=True)
class CallFigures:
    """One call's figures.

    stages_ms: values by stage
    counts: of the server in this time, those above zero, and of the viewer: viewer_late, viewer_missing
    num_clicks, num_clicks_seen, num_clicks_heard: sent, found in pictures and in the voice
    first_frame_ms: from the offer to the first picture
    """

    stages_ms: Mapping[str, list[float]]
    counts: Mapping[str, int]
    num_clicks: int
    num_clicks_seen: int
    num_clicks_heard: int
    first_frame_ms: float


def call_figures(record: CallRecord, from_s: float, to_s: float) -> CallFigures:
    """Figures of what was spoken and shown between two moments of the machine's monotonic clock."""
    stages: dict[str, list[float]] = {}

    def add(stage: str, time_s: float) -> None:
        stages.setdefault(stage, []).append(1000 * time_s)

    rows = {row["position"]: row for row in record.rows}
    first_position = picture_offset(record.pictures, rows)
    seen = {picture.position + first_position: picture for picture in record.pictures}
    for position, row in rows.items():
        if not from_s <= row["released_at_s"] <= to_s:
            continue
        for stage, time_s in row["stages_s"].items():
            add(stage, time_s)
        if position in seen:
            add("network", seen[position].arrived_at_s - row["coded_at_s"])
            add("jitter_buffer", seen[position].given_at_s - seen[position].arrived_at_s)
    sent_s = [at_s for at_s in record.click_times_s if from_s <= at_s <= to_s]
    marks = first_of_clicks(rows)
    # By the moment at which each click itself arrived, which follows its beginning by nearly the same time always.
    spoken = {marks[j]: sent_s[i] for i, j in matched(sent_s, [_arrival_s(rows[position]) for position in marks])}
    eyes_s = {
        position: seen[position].given_at_s for position in spoken if position in seen and seen[position].is_flash
    }
    ears_s = {position: at_s for position, at_s in ears_of(record.voice, rows, marks).items() if position in spoken}
    for position, eye_s in eyes_s.items():
        row = rows[position]
        inside_s = sum(row["stages_s"].get(stage, 0.0) for stage in AVATAR_STAGES)
        add("capture", row["captured_at_s"] - spoken[position])
        add("mic_to_eye", eye_s - spoken[position])
        add("transport", eye_s - spoken[position] - inside_s)
    for position, ear_s in ears_s.items():
        add("mic_to_ear", ear_s - spoken[position])
    for position in eyes_s.keys() & ears_s.keys():
        skew_s = eyes_s[position] - ears_s[position] + rows[position]["click_samples"] / VOICE_RATE_HZ
        add("av_skew", skew_s)
        add("av_skew_size", abs(skew_s))
    return CallFigures(
        stages_ms=stages,
        counts=_counts(record, seen, from_s, to_s),
        num_clicks=len(sent_s),
        num_clicks_seen=len(eyes_s),
        num_clicks_heard=len(ears_s),
        first_frame_ms=1000 * (record.pictures[0].given_at_s - record.offered_at_s),
    )


def first_of_clicks(rows: Mapping[int, Mapping[str, Any]]) -> list[int]:
    """Positions of the frames that a click begins in, in order."""
    holding = [position for position, row in sorted(rows.items()) if _holds_click(row)]
    return [position for position in holding if not _holds_click(rows.get(position - 1))]


def _arrival_s(row: Mapping[str, Any]) -> float:
    """About when a click arrived, from when the end of its chunk did."""
    return float(row["captured_at_s"] - (VOICE_SAMPLES_PER_FRAME - row["click_samples"]) / VOICE_RATE_HZ)


def _holds_click(row: Mapping[str, Any] | None) -> bool:
    return row is not None and row["click_samples"] is not None


def picture_offset(pictures: Sequence[Seen], rows: Mapping[int, Mapping[str, Any]]) -> int:
    """The server's position of the viewer's first picture: where the marks of the one fit the clicks of the other."""
    clicks = {position for position, row in rows.items() if _holds_click(row)}
    flashes = [picture.position for picture in pictures if picture.is_flash]
    agreeing = Counter(click - flash for click in clicks for flash in flashes if 0 <= click - flash <= 50)
    return max(agreeing, key=lambda offset: (agreeing[offset], -offset)) if agreeing else 0


def heard_clicks(voice: Sequence[Heard]) -> tuple[list[int], list[float]]:
    """Of each click in the returned voice its first sample, since the voice's first, and when that was there."""
    if not voice:
        return [], []
    sound: Int16Array = np.zeros(max(packet.start + len(packet.samples) for packet in voice), np.int16)
    starts = []
    for packet in voice:
        sound[packet.start : packet.start + len(packet.samples)] = packet.samples
        starts.append(packet.start)
    onsets = click_onsets(sound)
    times_s = []
    for onset in onsets:
        packet = voice[int(np.searchsorted(starts, onset, side="right")) - 1]
        times_s.append(packet.given_at_s + (onset - packet.start) / VOICE_RATE_HZ)
    return onsets, times_s


def ears_of(voice: Sequence[Heard], rows: Mapping[int, Mapping[str, Any]], marks: Sequence[int]) -> dict[int, float]:
    """When the click of each frame was heard, by the frame's position; marks: positions of frames that hold a click."""
    onsets, heard_s = heard_clicks(voice)
    sent = [
        position * VOICE_SAMPLES_PER_FRAME + rows[position]["click_samples"] + OPUS_DELAY_SAMPLES for position in marks
    ]
    # By their places in the sound, not by time; the first packets may not have come.
    places = [sample / VOICE_RATE_HZ for sample in sent], [onset / VOICE_RATE_HZ for onset in onsets]
    return {marks[i]: heard_s[j] for i, j in matched(*places, least_s=-2.0)}


def _counts(record: CallRecord, seen: Mapping[int, Seen], from_s: float, to_s: float) -> dict[str, int]:
    before = [counts for at_s, counts in record.counts if at_s <= from_s]
    within = [counts for at_s, counts in record.counts if at_s <= to_s]
    first, last = (before[-1] if before else {}), (within[-1] if within else {})
    grown = {name: number - first.get(name, 0) for name, number in last.items()}
    counts = {name: grown.get(name, 0) for name in ("frames_released", "frames_repeated", "frames_dropped")}
    counts |= {name: number for name, number in grown.items() if number and name not in (*counts, *NOT_COUNTED)}
    times_s = {position: each.given_at_s for position, each in seen.items() if from_s <= each.given_at_s <= to_s}
    if times_s:
        beat_s = np.median([at_s - position * FRAME_S for position, at_s in times_s.items()])
        late = [position for position, at_s in times_s.items() if at_s - position * FRAME_S - beat_s > LATE_S]
        counts["viewer_late"] = len(late)
        counts["viewer_missing"] = max(times_s) - min(times_s) + 1 - len(times_s)
    return counts

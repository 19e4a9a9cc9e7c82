"""What a viewer's record says, on a call whose every moment is made up."""

import numpy as np
import pytest

from bench.call_figures import AVATAR_STAGES, OPUS_DELAY_SAMPLES, CallFigures, call_figures
from bench.clicks import with_clicks
from bench.viewer import CallRecord, Heard, Seen
from contract.packets import VOICE_RATE_HZ

BEGAN_S = 500.0
NUM_FRAMES = 500
CAPTURE_S = 0.050  # from a chunk's last sample to its arrival
STAGES_S = {"ingest": 0.010, "window": 0.120, "audio": 0.002, "flow": 0.015, "queue": 0.004, "decode": 0.011,
            "python": 0.003, "convert": 0.001, "wait": 0.030, "encode": 0.006}  # fmt: skip
BEFORE_ENCODE_S = sum(STAGES_S.values()) - STAGES_S["encode"]
NETWORK_S, DECODING_S = 0.003, 0.005
CLICK_EVERY_SAMPLES = 51_000


def record(voice_late_s: float = 0.0, lost_pictures: frozenset[int] = frozenset(), first_seen: int = 0) -> CallRecord:
    """A call in which each frame is exactly as long in each stage as STAGES_S says.

    voice_late_s: by how much the voice comes after the picture that it left with
    lost_pictures: positions that never arrive
    first_seen: position of the first picture that the viewer gets
    """
    starts = list(range(24_000, (NUM_FRAMES - 30) * 1920, CLICK_EVERY_SAMPLES))
    made = CallRecord(offered_at_s=BEGAN_S - 1, click_times_s=[BEGAN_S + start / VOICE_RATE_HZ for start in starts])
    for position in range(NUM_FRAMES):
        captured_at_s = BEGAN_S + (position + 1) * 0.04 + CAPTURE_S
        released_at_s = captured_at_s + BEFORE_ENCODE_S
        coded_at_s = released_at_s + STAGES_S["encode"]
        inside = [start - position * 1920 for start in starts if 0 <= start - position * 1920 < 1920]
        made.rows.append(
            {
                "index": position,
                "position": position,
                "captured_at_s": captured_at_s,
                "released_at_s": released_at_s,
                "coded_at_s": coded_at_s,
                "click_samples": inside[0] if inside else None,
                "stages_s": STAGES_S,
            }
        )
        if position >= first_seen and position not in lost_pictures:
            arrived_at_s = coded_at_s + NETWORK_S
            made.pictures.append(
                Seen(position - first_seen, arrived_at_s, arrived_at_s + DECODING_S, is_flash=bool(inside))
            )
    sound = with_clicks(np.zeros((NUM_FRAMES + 1) * 1920, np.int16), [start + OPUS_DELAY_SAMPLES for start in starts])
    for packet in range(2 * NUM_FRAMES):
        at_s = made.pictures[0].given_at_s + (packet / 2 - first_seen) * 0.04 + voice_late_s
        made.voice.append(Heard(960 * packet, at_s, sound[960 * packet : 960 * packet + 960]))
    return made


def figures(made: CallRecord) -> CallFigures:
    return call_figures(made, BEGAN_S, BEGAN_S + NUM_FRAMES * 0.04)


def test_the_stages_of_a_click_add_up_to_mic_to_eye() -> None:
    found = figures(record())
    assert found.num_clicks == found.num_clicks_seen == found.num_clicks_heard >= 17
    stages_ms = {stage: np.array(times_ms) for stage, times_ms in found.stages_ms.items()}
    for stage, time_s in STAGES_S.items():
        assert stages_ms[stage] == pytest.approx(1000 * time_s)
    assert stages_ms["network"] == pytest.approx(1000 * NETWORK_S, abs=1e-3)
    assert stages_ms["jitter_buffer"] == pytest.approx(1000 * DECODING_S, abs=1e-3)
    fixed_ms = 1000 * (sum(STAGES_S.values()) + NETWORK_S + DECODING_S)
    assert stages_ms["mic_to_eye"] == pytest.approx(stages_ms["capture"] + fixed_ms, abs=1e-3)
    # A click waits for the end of its frame: by its place in it for 0 to 40 ms.
    assert 50 < stages_ms["capture"].min() < 60 and 80 < stages_ms["capture"].max() < 91
    avatar_ms = 1000 * sum(STAGES_S[stage] for stage in AVATAR_STAGES)
    assert stages_ms["transport"] == pytest.approx(stages_ms["mic_to_eye"] - avatar_ms, abs=1e-3)


@pytest.mark.parametrize("late_s", [-0.06, 0.0, 0.025])
def test_the_skew_is_that_of_the_tracks_wherever_a_click_lies_in_its_frame(late_s: float) -> None:
    found = figures(record(voice_late_s=late_s))
    opus_ms = 1000 * OPUS_DELAY_SAMPLES / VOICE_RATE_HZ
    assert found.stages_ms["av_skew"] == pytest.approx([-1000 * late_s - opus_ms] * found.num_clicks, abs=1)
    assert min(found.stages_ms["av_skew_size"]) >= 0


def test_the_ear_hears_a_click_when_its_sample_is_due() -> None:
    found = figures(record())
    eye_ms, ear_ms = (np.array(found.stages_ms[name]) for name in ("mic_to_eye", "mic_to_ear"))
    # The picture shows it from the beginning of the frame on, the voice at its place.
    assert 6 < (ear_ms - eye_ms).min() < 12 and 42 < (ear_ms - eye_ms).max() < 48


def test_pictures_that_never_came_are_counted_and_their_clicks_are_not_seen() -> None:
    all_seen = figures(record())
    lost = {row["position"] for row in record().rows if row["click_samples"] is not None and row["position"] < 100}
    found = figures(record(lost_pictures=frozenset(lost)))
    assert found.num_clicks_seen == all_seen.num_clicks_seen - len(lost) == found.num_clicks_heard - len(lost)
    assert found.counts["viewer_missing"] == len(lost) and all_seen.counts["viewer_missing"] == 0
    assert found.counts["viewer_late"] == 0


def test_a_viewer_that_missed_the_first_pictures_counts_from_where_it_began() -> None:
    found = figures(record(first_seen=7))
    assert found.stages_ms["network"] == pytest.approx([1000 * NETWORK_S] * len(found.stages_ms["network"]), abs=1e-3)
    assert found.num_clicks_seen == found.num_clicks


def test_late_pictures_are_told_from_the_beat_of_the_others() -> None:
    made = record()
    for picture in made.pictures[100:104]:
        picture.given_at_s += 0.05
    assert figures(made).counts["viewer_late"] == 4


def test_counts_are_those_of_the_time_measured() -> None:
    made = record()
    before = {"frames_released": 10, "frames_repeated": 5, "frames_dropped": 0, "chunks_refused": 1}
    made.counts = [(BEGAN_S - 1, before), (BEGAN_S + 5, before | {"frames_released": 130, "frames_repeated": 7})]
    counts = figures(made).counts
    assert counts["frames_released"] == 120 and counts["frames_repeated"] == 2 and counts["frames_dropped"] == 0
    assert "chunks_refused" not in counts

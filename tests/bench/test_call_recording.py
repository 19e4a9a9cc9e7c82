"""The analysis of recordings, on signals whose lag, correlation and skew are known."""

import base64

import numpy as np
import pytest

from bench.call_recording import (
    Recording,
    click_times_ms,
    lip_sync,
    longest_callback_gap_ms,
    longest_gap_ms,
    mouth_movement,
    on_page_clock,
    skews_ms,
    split_pauses,
)

HOP_MS = 1.0
LENGTH_MS = 20_000


def syllables(seed: int = 0) -> np.ndarray:
    """Loudness each millisecond: 4 s of syllables, 3 s of silence, again and again."""
    rng = np.random.default_rng(seed)
    loudness = np.zeros(LENGTH_MS)
    start = 0
    while start < LENGTH_MS - 300:
        if start % 7000 < 4000:
            length = int(rng.integers(120, 280))
            loudness[start : start + length] = rng.uniform(0.05, 0.3) * np.hanning(length)[: LENGTH_MS - start]
            start += length
        else:
            start += 50
    return loudness


def recording_of(loudness: np.ndarray, picture_loudness: np.ndarray, lag_ms: float, tremble: float = 0.0) -> Recording:
    """A mouth that opens with `picture_loudness`, shown `lag_ms` late, with every pixel trembling by `tremble` grey."""
    rng = np.random.default_rng(9)
    shown_ms = np.arange(0, LENGTH_MS, 40.0)
    heard = np.array([picture_loudness[int(t) : int(t) + 40].mean() for t in shown_ms])
    pixels = np.full((len(shown_ms), 8, 12), 90.0)
    pixels[:, 2:6, 3:9] += 300 * heard[:, None, None]
    pixels += tremble * rng.standard_normal((len(shown_ms), 1, 1))
    return Recording(
        frame_times_ms=5000 + shown_ms + lag_ms + rng.uniform(-8, 8, len(shown_ms)),
        pixels=np.clip(np.round(pixels), 0, 255).astype(np.uint8),
        num_presented=np.arange(len(shown_ms)),
        sound_times_ms=5000 + HOP_MS * np.arange(LENGTH_MS),
        powers=loudness**2,
        peaks=loudness,
    )


@pytest.mark.parametrize("lag_ms", [-160.0, 0.0, 60.0, 250.0])
def test_known_lag_is_found(lag_ms: float) -> None:
    loudness = syllables()
    found = lip_sync(recording_of(loudness, loudness, lag_ms))
    assert found.lag_ms == pytest.approx(lag_ms, abs=15)
    assert found.correlation > 0.9
    assert found.correlation_in_speech > 0.8
    assert found.silence_share < 0.02


def test_unrelated_mouth_does_not_correlate() -> None:
    loudness = syllables()
    found = lip_sync(recording_of(loudness, syllables(seed=1), 0.0))
    assert found.correlation < 0.5  # the pauses are the same, and that alone is not enough
    assert found.correlation_in_speech < 0.3


def test_mouth_that_never_moves_does_not_correlate() -> None:
    found = lip_sync(recording_of(syllables(), np.zeros(LENGTH_MS), 0.0))
    assert found.correlation == 0.0


def test_trembling_in_silence_is_seen() -> None:
    loudness = syllables()
    calm = lip_sync(recording_of(loudness, loudness, 0.0, tremble=0.3)).silence_share
    restless = lip_sync(recording_of(loudness, loudness, 0.0, tremble=8.0)).silence_share
    assert calm < 0.15 < restless


def test_sound_without_pauses_is_refused() -> None:
    loudness = np.full(LENGTH_MS, 0.2)
    with pytest.raises(ValueError, match="0 frames of pause"):
        lip_sync(recording_of(loudness, loudness, 0.0))


def test_pauses_lose_their_edges_and_short_ones_do_not_count() -> None:
    loudness = np.ones(200)
    loudness[20:30] = 0  # 0.4 s
    loudness[100:150] = 0  # 2 s
    paused, spoken = split_pauses(loudness)
    assert np.flatnonzero(paused).tolist() == list(range(110, 140))
    assert spoken[20:30].all()
    assert not spoken[100:150].any()


def test_movement_is_the_mean_distance_from_the_median_frame() -> None:
    pixels = np.full((5, 2, 2), 100, np.uint8)
    pixels[3] = [[100, 110], [90, 100]]
    assert mouth_movement(pixels).tolist() == [0, 0, 0, 5, 0]


@pytest.mark.parametrize("skew_ms", [-150.0, -20.0, 35.0])
def test_known_skew_is_found(skew_ms: float) -> None:
    clicks_ms = 500 + 1013 * np.arange(19)
    peaks = np.zeros(LENGTH_MS)
    pixels = np.full((LENGTH_MS // 40, 4, 4), 32, np.uint8)
    frame_times_ms = 40.0 * np.arange(len(pixels)) + skew_ms
    for click_ms in clicks_ms:
        peaks[click_ms : click_ms + 10] = 0.8
        pixels[click_ms // 40] = 255
    recording = Recording(
        frame_times_ms, pixels, np.arange(len(pixels)), np.arange(LENGTH_MS, dtype=float), peaks**2, peaks
    )
    found_ms = skews_ms(recording)
    assert len(found_ms) == len(clicks_ms)
    # Clicks lie evenly in their frames, so a flash that begins with its frame is 20 ms before its click.
    assert np.median(found_ms) == pytest.approx(skew_ms - 20, abs=6)


def test_ringing_click_counts_once_and_lost_flash_is_left_out() -> None:
    peaks = np.zeros(5000)
    for start in (1000, 2000, 3000):
        peaks[start : start + 12 : 2] = 0.9
    pixels = np.full((125, 4, 4), 32, np.uint8)
    pixels[[25, 75]] = 255
    recording = Recording(40.0 * np.arange(125), pixels, np.arange(125), np.arange(5000.0), peaks**2, peaks)
    assert click_times_ms(recording).tolist() == [1000, 2000, 3000]
    assert skews_ms(recording).tolist() == [0, 0]


def test_longest_gap_leaves_out_pictures_that_were_shown_unnoticed() -> None:
    times_ms = np.array([0.0, 40, 80, 310, 350, 510])
    shown = np.array([0, 1, 2, 3, 4, 8])
    recording = Recording(times_ms, np.zeros((6, 1, 1), np.uint8), shown, np.zeros(1), np.zeros(1), np.zeros(1))
    assert longest_gap_ms(recording) == 230
    times_ms[3:] -= 190
    assert longest_gap_ms(recording) == 40
    assert longest_callback_gap_ms(recording) == 160


def test_two_clocks_with_drift_become_one() -> None:
    context_s = np.arange(0, 20, 0.05)
    rng = np.random.default_rng(0)
    page_ms = 12_345 + 1000.24 * context_s + rng.uniform(-5, 5, len(context_s))
    assert on_page_clock(np.array([0.0, 20.0]), np.stack([context_s, page_ms], 1)) == pytest.approx(
        [12_345, 12_345 + 20_004.8], abs=1.5
    )


def test_what_the_page_returns_is_read() -> None:
    pixels = np.arange(12, dtype=np.uint8)
    recording = Recording.from_page(
        {
            "frameTimes": [100.0, 140.0],
            "presented": [1, 2],
            "width": 3,
            "height": 2,
            "pixels": base64.b64encode(pixels.tobytes()).decode(),
            "firstSample": 4800,
            "hopSamples": 48,
            "rate": 48_000,
            "powers": [0.0, 0.25],
            "peaks": [0.0, 0.5],
            "clockPairs": [[0.0, 1000.0], [1.0, 2000.0]],
        }
    )
    assert recording.pixels.tolist() == pixels.reshape(2, 2, 3).tolist()
    assert recording.sound_times_ms == pytest.approx([1100.0, 1101.0])


def test_a_head_that_nods_with_its_mouth_shut_does_not_count_as_a_mouth_that_moves() -> None:
    generator = np.random.default_rng(0)
    rough = np.kron(generator.uniform(0, 255, (14, 16)), np.ones((5, 5)))
    face = np.mean([np.roll(rough, (i, j), (0, 1)) for i in range(5) for j in range(5)], 0)
    # Up and down now and then, so that the median frame is the face at rest.
    places = [3 * (i % 20 == 1) - 2 * (i % 20 == 7) for i in range(60)]
    nodding = np.stack([np.roll(face, place, 0) for place in places]).astype(np.uint8)
    assert mouth_movement(nodding).max() > 10 and mouth_movement(nodding, 25).max() < 0.5


def test_the_nose_takes_nothing_from_the_mouths_own_movement() -> None:
    """Of a head that stays where it is: what the mouth's rows give alone, whatever the mouth does."""
    generator = np.random.default_rng(0)
    pixels = np.stack([np.kron(generator.uniform(0, 255, (14, 16)), np.ones((5, 5)))] * 40)
    pixels[:, 30:] += 40 * np.sin(np.arange(40))[:, None, None]
    pixels[::3, 40:50] = np.roll(pixels[::3, 40:50], 3, 1)
    talking = np.clip(pixels, 0, 255).astype(np.uint8)
    np.testing.assert_allclose(mouth_movement(talking, 25), mouth_movement(talking[:, 25:-4, 4:-4]), atol=1e-3)

"""What a recording of a call says: do the lips follow the sound, is the picture fluent, do flash and click coincide.

In: a `Recording` made in the page by `recorder.js`, all times on the page's one clock (performance.now, ms).
Out: plain figures. A lag or a skew above zero means that the picture is late.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

FRAME_MS = 40.0
ENVELOPE_MS = 40.0
LAG_STEP_MS = 10.0
LARGEST_LAG_MS = 400.0
# A run of sound this quiet, for this long, is a pause; its edges belong to neither side, since lips take time to rest.
QUIET_SHARE = 0.05
SHORTEST_PAUSE_MS = 1000.0
PAUSE_EDGE_MS = 400.0
LARGEST_SHIFT_PX = 4
CLICK_PEAK = 0.1
FLASH_GREY = 127.0
# A click and a flash further apart than this are not the same event.
LARGEST_SKEW_MS = 400.0
# A click rings, and one on the border of two frames flashes twice: what follows this soon belongs to the same event.
SHORTEST_REST_MS = 200.0

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Pictures and sound of one stretch of a call.

    frame_times_ms: [frames] when each picture was to appear
    pixels: [frames, height, width] uint8, grey, the recorded box
    num_presented: [frames] the browser's count of pictures shown
    sound_times_ms: [hops] when each hop of the returned sound began
    powers: [hops] mean square, full scale 1
    peaks: [hops] largest magnitude
    spoken_times_ms, spoken_peaks: the same of the page's own microphone, where it was recorded
    """

    frame_times_ms: Floats
    pixels: NDArray[np.uint8]
    num_presented: NDArray[np.int64]
    sound_times_ms: Floats
    powers: Floats
    peaks: Floats
    spoken_times_ms: Floats = field(default_factory=lambda: np.empty(0))
    spoken_peaks: Floats = field(default_factory=lambda: np.empty(0))

    @classmethod
    def from_page(cls, values: dict[str, Any]) -> "Recording":
        """Read what `recorder.js` returns."""
        raw = np.frombuffer(base64.b64decode(values["pixels"]), np.uint8)
        clock_pairs = np.array(values["clockPairs"], np.float64)

        def times_ms(sound: dict[str, Any]) -> Floats:
            samples = sound["firstSample"] + values["hopSamples"] * np.arange(len(sound["peaks"]))
            return on_page_clock(samples / values["rate"], clock_pairs)

        spoken = values.get("spoken") or {"firstSample": 0, "peaks": []}
        return cls(
            frame_times_ms=np.array(values["frameTimes"], np.float64),
            pixels=raw.reshape(-1, values["height"], values["width"]),
            num_presented=np.array(values["presented"], np.int64),
            sound_times_ms=times_ms(values),
            powers=np.array(values["powers"], np.float64),
            peaks=np.array(values["peaks"], np.float64),
            spoken_times_ms=times_ms(spoken),
            spoken_peaks=np.array(spoken["peaks"], np.float64),
        )


@dataclass(frozen=True, slots=True)
class LipSync:
    """How the mouth goes with the sound.

    correlation: Pearson's, at the best lag
    correlation_in_speech: the same without the pauses, which any mouth that rests in them can earn
    lag_ms: of the picture behind the sound
    silence_share: deviation of the mouth's movement in pauses, over that in speech
    """

    correlation: float
    correlation_in_speech: float
    lag_ms: float
    silence_share: float


def on_page_clock(context_times_s: Floats, clock_pairs: Floats) -> Floats:
    """Times of the audio context in ms of the page's clock.

    clock_pairs: [pairs, 2] (context time in s, page's time in ms) read together; the line through them takes away
    the two clocks' drift and the jumps of a context that advances in blocks
    """
    slope, offset_ms = np.polyfit(clock_pairs[:, 0], clock_pairs[:, 1], 1)
    return np.asarray(slope * context_times_s + offset_ms)


def mouth_movement(pixels: NDArray[np.uint8], num_nose_rows: int = 0) -> Floats:
    """[frames] mean |difference from the median frame| of the rows below the nose's, held where the nose is at rest.

    A head may nod in silence. The nose alone says where it is, so that nothing of the mouth's own movement is taken
    away, and a head that stays where it is gives what it gives without.

    pixels: [frames, height, width] uint8, the first `num_nose_rows` show the nose
    """
    if num_nose_rows == 0:
        return np.asarray(np.abs(pixels - np.median(pixels, axis=0)[None]).mean(axis=(1, 2)))
    held = _held_by_the_nose(pixels.astype(np.float32), num_nose_rows)
    return np.asarray(np.abs(held - np.median(held, axis=0)[None]).mean(axis=(1, 2)), np.float64)


def _held_by_the_nose(pixels: NDArray[np.float32], num_nose_rows: int) -> NDArray[np.float32]:
    """The rows below the nose's, each frame moved by what brings its nose nearest to the median frame's."""
    margin = LARGEST_SHIFT_PX
    nose = np.median(pixels[:, :num_nose_rows], axis=0)[margin:-margin, margin:-margin]
    steps = np.arange(-margin, margin + 0.25, 0.5)  # a head at rest moves by less than whole pixels
    nearest = np.full(len(pixels), np.inf)
    held = np.empty_like(pixels[:, num_nose_rows:-margin, margin:-margin])
    for down in steps:
        rows = _moved(pixels, down, margin, axis=1)  # row i of it is row i + margin
        for right in steps:
            moved = _moved(rows, right, margin, axis=2)
            distance = np.abs(moved[:, : num_nose_rows - 2 * margin] - nose[None]).mean(axis=(1, 2))
            better = distance < nearest
            nearest[better] = distance[better]
            held[better] = moved[better, num_nose_rows - margin :]
    return held


def _moved(pixels: NDArray[np.float32], shift_px: float, margin: int, axis: int) -> NDArray[np.float32]:
    """The pictures moved along an axis by linear interpolation, without a margin at either end."""
    places = np.arange(margin, pixels.shape[axis] - margin) + int(np.floor(shift_px))
    share = np.float32(shift_px % 1)
    here = np.take(pixels, places, axis)
    if share == 0:
        return here
    moved: NDArray[np.float32] = here + share * (np.take(pixels, places + 1, axis) - here)
    return moved


def envelope(recording: Recording, times_ms: Floats) -> Floats:
    """Rms of the sound in the 40 ms around each time."""
    hop_ms = float(np.median(np.diff(recording.sound_times_ms)))
    energy = np.concatenate([[0.0], np.cumsum(recording.powers)])
    edges_ms = np.append(recording.sound_times_ms, recording.sound_times_ms[-1] + hop_ms)
    upper = np.interp(times_ms + ENVELOPE_MS / 2, edges_ms, energy)
    lower = np.interp(times_ms - ENVELOPE_MS / 2, edges_ms, energy)
    return np.sqrt((upper - lower) * hop_ms / ENVELOPE_MS)


def lip_sync(recording: Recording, num_nose_rows: int = 0) -> LipSync:
    """Compare the mouth's movement with the sound at 25 Hz; raises ValueError where there is no sound or no pause.

    num_nose_rows: as `mouth_movement` takes it
    """
    movement = mouth_movement(recording.pixels, num_nose_rows)
    # A picture stands for the 40 ms that it is shown: its time is the middle of them.
    middles_ms = recording.frame_times_ms + FRAME_MS / 2
    first_ms = max(middles_ms[0], recording.sound_times_ms[0]) + LARGEST_LAG_MS + ENVELOPE_MS
    last_ms = min(middles_ms[-1], recording.sound_times_ms[-1]) - LARGEST_LAG_MS - ENVELOPE_MS
    times_ms = np.arange(first_ms, last_ms, FRAME_MS)
    moved = np.interp(times_ms, middles_ms, movement)
    lags_ms = np.arange(-LARGEST_LAG_MS, LARGEST_LAG_MS + LAG_STEP_MS / 2, LAG_STEP_MS)
    correlations = [_correlation(moved, envelope(recording, times_ms - lag_ms)) for lag_ms in lags_ms]
    best = int(np.argmax(correlations))
    loudness = envelope(recording, times_ms - lags_ms[best])
    paused, spoken = split_pauses(loudness)
    if not paused.any() or not spoken.any():
        raise ValueError(f"{paused.sum()} frames of pause and {spoken.sum()} of speech, expected some of both")
    return LipSync(
        correlation=float(correlations[best]),
        correlation_in_speech=_correlation(moved[spoken], loudness[spoken]),
        lag_ms=float(lags_ms[best]),
        silence_share=float(moved[paused].std() / max(moved[spoken].std(), 1e-9)),
    )


def split_pauses(loudness: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(in a pause, in speech) of each frame at 25 Hz; a pause's edges are in neither."""
    quiet = loudness < QUIET_SHARE * np.percentile(loudness, 95)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(np.int8)))
    paused = np.zeros(len(loudness), bool)
    spoken = np.ones(len(loudness), bool)
    trim = round(PAUSE_EDGE_MS / FRAME_MS)
    for start, end in edges.reshape(-1, 2):
        if (end - start) * FRAME_MS >= SHORTEST_PAUSE_MS:
            spoken[start:end] = False
            paused[start + trim : end - trim] = True
    return paused, spoken


def longest_gap_ms(recording: Recording) -> float:
    """The longest time without a new picture.

    A busy page may be told of several pictures at once, late; each of those told of together was shown for a frame.
    """
    num_untold = np.diff(recording.num_presented) - 1
    return float((np.diff(recording.frame_times_ms) - FRAME_MS * num_untold).max())


def longest_callback_gap_ms(recording: Recording) -> float:
    """The longest time in which the page was told of no new picture: at least as long as the gap that was seen."""
    return float(np.diff(recording.frame_times_ms).max())


def click_times_ms(recording: Recording, peak: float = CLICK_PEAK) -> Floats:
    """When each click began to sound; peak: what is louder is one."""
    return _rises(recording.peaks > peak, recording.sound_times_ms)


def spoken_times_ms(recording: Recording, peak: float = CLICK_PEAK) -> Floats:
    """When each click began in the page's own microphone."""
    return _rises(recording.spoken_peaks > peak, recording.spoken_times_ms)


def flash_times_ms(recording: Recording) -> Floats:
    """When each flash appeared."""
    return _rises(recording.pixels.mean(axis=(1, 2)) > FLASH_GREY, recording.frame_times_ms)


def skews_ms(recording: Recording) -> Floats:
    """Of each click that has its flash: the beginning of the flash minus the beginning of the click.

    A click may lie anywhere in its frame's 40 ms, so perfect sync has a median of -20 ms.
    """
    flashes_ms = flash_times_ms(recording)
    if len(flashes_ms) == 0:
        return np.empty(0)
    nearest = [
        flashes_ms[np.argmin(np.abs(flashes_ms - click_ms))] - click_ms for click_ms in click_times_ms(recording)
    ]
    return np.array([skew_ms for skew_ms in nearest if abs(skew_ms) <= LARGEST_SKEW_MS])


def _rises(holds: NDArray[np.bool_], times_ms: Floats) -> Floats:
    """When a condition begins to hold after a rest; what holds from the start has no beginning."""
    starts = np.flatnonzero(holds[1:] & ~holds[:-1]) + 1
    ends = np.flatnonzero(holds[:-1] & ~holds[1:])
    rested = [
        times_ms[i] - times_ms[ends[ends < i][-1]] >= SHORTEST_REST_MS if (ends < i).any() else True for i in starts
    ]
    return np.asarray(times_ms[starts[np.array(rested, bool)]])


def _correlation(a: Floats, b: Floats) -> float:
    if a.std() < 1e-12 or b.std() < 1e-12:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])

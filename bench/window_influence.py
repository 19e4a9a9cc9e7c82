"""What a window loses by being short, and what it does to the seams between windows.

In:  the flow transformer and the frame decoder of a portrait, and audio features of speech
Out: a `CutFigures` for each hop and look-ahead

A window is drawn twice from the same carried-over frames and the same noise: whole, and cut to `hop + look-ahead` new
frames. What differs in the frames that are kept is what the look-ahead costs, in motion and in pixels. Beside it, the
speed of motion over seams against that inside windows, of streams that are drawn with such windows throughout: once
with the noise of absolute frame indexes, as streams have it, and once with other noise in every window.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from contract.packets import Float32Array, UInt8Array
from contract.spec import AvatarSpec
from engines.base import Engine
from pipeline.frame_renderer import FrameRenderer
from pipeline.motion_noise import UNSCALED, NoiseScale, frame_noise
from pipeline.motion_window import (
    WindowSettings,
    WindowState,
    draw_motion,
    first_state,
    sample_window,
)
from pipeline.window_seams import Float64Array, seam_ratio, speeds, split_at_seams

SEED = 0
NUM_STARTS = 24
# Of each hop and look-ahead.
NUM_SEAM_WINDOWS = 48
# Where a portrait's face is, as shares of the picture's side: left, top, right, bottom.
FACE_BOX = (0.26, 0.21, 0.74, 0.84)
# So far apart that the noise of two windows has no row in common.
_FRESH_STRIDE = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Speaker:
    """One portrait that speaks one clip.

    flow: the flow transformer, with the portrait's `reference_motion` bound
    renderer: of the portrait; None paints nothing
    audio_features: [num_frames, audio_feature_dim] float32
    emotion: [num_emotions] float32
    window: how windows are solved; hop and look-ahead are replaced
    noise_scale: of the avatar
    """

    spec: AvatarSpec
    flow: Engine
    renderer: FrameRenderer | None
    audio_features: Float32Array
    emotion: Float32Array
    window: WindowSettings
    noise_scale: NoiseScale = UNSCALED

    def noise(self, first_index: int, num_frames: int) -> Float32Array:
        """What motion is drawn from, [num_frames, latent_dim] float32."""
        return self.noise_scale.apply(frame_noise(SEED, first_index, num_frames, self.spec.latent_dim))

    def cut(self, hop_frames: int, lookahead_frames: int) -> WindowSettings:
        """Windows of that size."""
        return replace(self.window, hop_frames=hop_frames, lookahead_frames=lookahead_frames)


@dataclass(frozen=True, slots=True)
class CutFigures:
    """What one hop and look-ahead cost.

    motion_error: of the kept frames against whole windows, root mean square over the motion's spread
    pixel_mean, pixel_p95: absolute difference of the painted faces, 0 to 255; None where nothing was painted
    seam_ratio: speed over seams against that inside windows, medians
    fresh_noise_seam_ratio: the same with other noise in every window
    num_seams: that the ratios are of
    """

    hop_frames: int
    lookahead_frames: int
    motion_error: float
    pixel_mean: float | None
    pixel_p95: float | None
    seam_ratio: float
    fresh_noise_seam_ratio: float
    num_seams: int


@dataclass(frozen=True, slots=True, eq=False)
class DrawnWindows:
    """Windows from some frames of the clip on, the same ones at every length.

    whole: [num_starts, window_frames, latent_dim] float32
    cuts: by the number of new frames, [num_starts, num_new, latent_dim] float32 each
    """

    whole: Float32Array
    cuts: dict[int, Float32Array]

    def kept(self, hop_frames: int, lookahead_frames: int) -> Float32Array:
        """What is kept of the windows that are cut to this, [num_starts, hop_frames, latent_dim] float32."""
        return self.cuts[hop_frames + lookahead_frames][:, :hop_frames]


def measure_hop(
    speaker: Speaker, drawn: DrawnWindows, hop_frames: int, lookaheads_frames: Sequence[int]
) -> list[CutFigures]:
    """The figures of one hop at each look-ahead, of which the windows are drawn already."""
    whole = drawn.whole[:, :hop_frames]
    painter = FacePainter(speaker.renderer, whole) if speaker.renderer is not None else None
    figures = []
    for lookahead_frames in lookaheads_frames:
        cut = drawn.kept(hop_frames, lookahead_frames)
        pixel_mean, pixel_p95 = painter.difference(cut) if painter is not None else (None, None)
        window = speaker.cut(hop_frames, lookahead_frames)
        ratio, num_seams = _seams(speaker, window, lambda start: start)
        fresh_ratio, _ = _seams(speaker, window, lambda start: (start + 1) * _FRESH_STRIDE)
        figures.append(
            CutFigures(
                hop_frames, lookahead_frames, motion_error(cut, whole), pixel_mean, pixel_p95, ratio, fresh_ratio,
                num_seams,
            )
        )  # fmt: skip
    return figures


def draw_windows(speaker: Speaker, nums_new: Iterable[int], num_starts: int = NUM_STARTS) -> DrawnWindows:
    """Windows from frames all over the clip, whole and with so many new frames.

    Their carried-over frames are of the clip drawn once before, in windows as long as can be.
    """
    spec, features = speaker.spec, speaker.audio_features
    carried, total = spec.carried_frames, spec.window_frames
    # The last windows would be short of sound, whole or cut.
    starts = np.linspace(carried, len(features) - total, num_starts).astype(int)
    assert len(features) >= carried + total, f"{len(features)} frames, expected at least {carried + total}"
    base = drawn_stream(speaker, speaker.cut(total, 0), lambda start: start, int(starts[-1]))
    lengths = sorted(set(nums_new) | {total})
    drawn: dict[int, list[Float32Array]] = {length: [] for length in lengths}
    for start in map(int, starts):
        noise = speaker.noise(start, total)
        state = WindowState(base[start - carried : start], features[start - carried : start])
        for length in lengths:
            window, heard = speaker.cut(length, 0), features[start : start + length]
            drawn[length].append(draw_motion(speaker.flow, window, state, heard, speaker.emotion, noise[:length]))
    stacked = {length: np.stack(windows) for length, windows in drawn.items()}
    return DrawnWindows(stacked[total], stacked)


def motion_error(cut: Float32Array, whole: Float32Array) -> float:
    """Root mean square of the difference over the spread of motion about its mean. Both [..., latent_dim]."""
    spread = float(np.square(whole - whole.reshape(-1, whole.shape[-1]).mean(0)).mean())
    return float(np.sqrt(np.square(cut - whole).mean() / spread))


class FacePainter:
    """One face of each window, to compare others with; every place in the hop in turn."""

    def __init__(self, renderer: FrameRenderer, whole: Float32Array) -> None:
        """whole: [num_starts, hop_frames, latent_dim] float32, the motion that others are compared with."""
        self._renderer = renderer
        self._faces = self._painted(whole)

    def difference(self, motion: Float32Array) -> tuple[float, float]:
        """Mean and 95th percentile of the absolute difference, 0 to 255. motion: as `whole`."""
        differences = np.abs(self._painted(motion).astype(np.int16) - self._faces)
        return float(differences.mean()), float(np.percentile(differences, 95))

    def _painted(self, motion: Float32Array) -> UInt8Array:
        hop_frames = motion.shape[1]
        return np.stack([_face(self._renderer.paint(window[i % hop_frames])) for i, window in enumerate(motion)])


def drawn_stream(
    speaker: Speaker, window: WindowSettings, first_noise: Callable[[int], int], num_frames: int | None = None
) -> Float32Array:
    """The motion of the clip's first windows, [frames, latent_dim] float32, as a stream draws it.

    first_noise: index of the noise of a window's first frame, given the frame
    num_frames: to be drawn at least; None is those of NUM_SEAM_WINDOWS, or the whole clip
    """
    spec, features = speaker.spec, speaker.audio_features
    num_new = window.hop_frames + window.lookahead_frames
    state, drawn = first_state(spec), []
    end = min(len(features), NUM_SEAM_WINDOWS * window.hop_frames if num_frames is None else num_frames)
    for start in range(0, end, window.hop_frames):
        noise = speaker.noise(first_noise(start), num_new)
        heard = features[start : start + num_new]
        kept, state = sample_window(speaker.flow, window, state, heard, speaker.emotion, noise)
        drawn.append(kept)
    return np.concatenate(drawn)


def _seams(speaker: Speaker, window: WindowSettings, first_noise: Callable[[int], int]) -> tuple[float, int]:
    at_seams: Float64Array
    at_seams, inside = split_at_seams(speeds(drawn_stream(speaker, window, first_noise)), window.hop_frames)
    return (seam_ratio(at_seams, inside) if len(at_seams) and len(inside) else float("nan")), len(at_seams)


def _face(picture: UInt8Array) -> UInt8Array:
    height_px, width_px = picture.shape[:2]
    left, top, right, bottom = FACE_BOX
    return picture[round(top * height_px) : round(bottom * height_px), round(left * width_px) : round(right * width_px)]

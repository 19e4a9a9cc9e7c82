"""What a window loses by being short, and what it does to the seams between windows.

In:  the flow transformer and the frame decoder of a portrait, and audio features of speech
Out: a `CutFigures` for each hop and look-ahead

A window is drawn twice from the same carried-over frames and the same noise: whole, and cut to `hop + look-ahead` new
frames. What differs in the frames that are kept is what the look-ahead costs, in motion and in pixels. Beside it, the
speed of motion over seams against that inside windows, of streams that are drawn with such windows throughout: once
with the noise of absolute frame indexes, as streams have it, and once with other noise in every window.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from contract.packets import Float32Array, UInt8Array
from contract.spec import AvatarSpec
from engines.base import Engine
from pipeline.frame_renderer import FrameRenderer
from pipeline.motion_window import WindowSettings, first_state, frame_noise, sample_window
from pipeline.window_seams import Float64Array, seam_ratio, speeds, split_at_seams

SEED = 0
# Of each hop; more windows change the last digit shown.
NUM_WINDOWS = 24
NUM_SEAM_WINDOWS = 48
NUM_PAINTED_FRAMES = 24
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
    """

    spec: AvatarSpec
    flow: Engine
    renderer: FrameRenderer | None
    audio_features: Float32Array
    emotion: Float32Array
    window: WindowSettings

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


def measure_hop(speaker: Speaker, hop_frames: int, lookaheads_frames: Sequence[int]) -> list[CutFigures]:
    """The figures of one hop at each look-ahead that the bundle's window has room for."""
    fitting = [each for each in lookaheads_frames if hop_frames + each <= speaker.spec.window_frames]
    whole, cuts = cut_windows(speaker, hop_frames, fitting)
    painter = FacePainter(speaker.renderer, whole) if speaker.renderer is not None else None
    figures = []
    for lookahead_frames, cut in cuts.items():
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


def cut_windows(
    speaker: Speaker, hop_frames: int, lookaheads_frames: Sequence[int], num_windows: int = NUM_WINDOWS
) -> tuple[Float32Array, dict[int, Float32Array]]:
    """The kept frames of whole windows, one after another, and those of the same windows cut short.

    Returns [frames, latent_dim] float32, and as many for each look-ahead.
    """
    spec, features = speaker.spec, speaker.audio_features
    room_frames = spec.window_frames - hop_frames
    state, whole = first_state(spec), []
    cuts: dict[int, list[Float32Array]] = {lookahead: [] for lookahead in lookaheads_frames}
    # The last windows would be short of sound, whole or cut.
    last_start = max(0, len(features) - spec.window_frames)
    for start in range(0, last_start + 1, hop_frames)[:num_windows]:
        noise = frame_noise(SEED, start, spec.window_frames, spec.latent_dim)
        for lookahead_frames, drawn in cuts.items():
            num_new = hop_frames + lookahead_frames
            window = speaker.cut(hop_frames, lookahead_frames)
            heard = features[start : start + num_new]
            drawn.append(sample_window(speaker.flow, window, state, heard, speaker.emotion, noise[:num_new])[0])
        heard, window = features[start : start + spec.window_frames], speaker.cut(hop_frames, room_frames)
        kept, state = sample_window(speaker.flow, window, state, heard, speaker.emotion, noise)
        whole.append(kept)
    return np.concatenate(whole), {lookahead: np.concatenate(drawn) for lookahead, drawn in cuts.items()}


def motion_error(cut: Float32Array, whole: Float32Array) -> float:
    """Root mean square of the difference over the spread of motion about its mean. Both [frames, latent_dim]."""
    spread = float(np.square(whole - whole.mean(0)).mean())
    return float(np.sqrt(np.square(cut - whole).mean() / spread))


class FacePainter:
    """Faces of some frames of a motion, to compare others with."""

    def __init__(self, renderer: FrameRenderer, whole: Float32Array) -> None:
        """whole: [frames, latent_dim] float32, the motion that others are compared with."""
        self._renderer = renderer
        num_painted = min(NUM_PAINTED_FRAMES, len(whole))
        # By chance, since every place in a hop must be met, whatever the hop.
        chosen = np.random.default_rng(SEED).choice(len(whole), num_painted, replace=False)
        self._chosen = np.sort(chosen)
        self._faces = self._painted(whole)

    def difference(self, motion: Float32Array) -> tuple[float, float]:
        """Mean and 95th percentile of the absolute difference, 0 to 255. motion: [frames, latent_dim] float32."""
        differences = np.abs(self._painted(motion).astype(np.int16) - self._faces)
        return float(differences.mean()), float(np.percentile(differences, 95))

    def from_frame_to_frame(self, whole: Float32Array) -> tuple[float, float]:
        """The same from each frame to the one before it: what a face in speech changes by anyway."""
        return self.difference(np.concatenate([whole[:1], whole[:-1]]))

    def _painted(self, motion: Float32Array) -> UInt8Array:
        return np.stack([_face(self._renderer.paint(motion[i])) for i in self._chosen])


def drawn_stream(speaker: Speaker, window: WindowSettings, first_noise: Callable[[int], int]) -> Float32Array:
    """The motion of the clip in such windows, [num_frames, latent_dim] float32.

    first_noise: index of the noise of a window's first frame, given the frame
    """
    spec, features = speaker.spec, speaker.audio_features
    num_new = window.hop_frames + window.lookahead_frames
    state, drawn = first_state(spec), []
    for start in range(0, len(features), window.hop_frames)[:NUM_SEAM_WINDOWS]:
        noise = frame_noise(SEED, first_noise(start), num_new, spec.latent_dim)
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

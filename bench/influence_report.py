"""`float-avatar bench influence` as a call: a bundle is opened, measured by hop and look-ahead, and told.

In:  a bundle, a sound of speech
Out: `InfluenceReport`: tables in Markdown for people, JSON for the record
"""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assembly.avatar_factory import open_avatar
from bench.machine import Machine, this_machine
from bench.spoken_sound import speech
from bench.window_influence import CutFigures, FacePainter, Speaker, draw_windows, measure_hop
from bundles import embedded_bundle
from bundles.manifest import read_manifest
from contract.errors import ConfigError
from contract.packets import FRAMES_PER_S, SAMPLES_PER_FRAME
from contract.spec import AvatarSpec
from media.picture_file import read_picture
from pipeline.audio_features import clip_features
from pipeline.avatar import NeuralAvatar, delay_frames
from pipeline.frame_renderer import FrameRenderer
from pipeline.predicted_emotion import emotion_vector
from pipeline.profile import PROFILES
from pipeline.stream_settings import StreamSettings

HOPS_FRAMES = (2, 3, 4, 5, 10, 50)
LOOKAHEADS_FRAMES = (0, 1, 2, 4, 8)
LEAST_S, MOST_S = 4, 20
_FRAME_MS = 1000 // FRAMES_PER_S


@dataclass(frozen=True, slots=True)
class InfluenceSettings:
    """What is asked for.

    bundle: its folder; None is the one that ships
    audio: a file of speech; None is spoken by espeak-ng
    precision: of networks; float32 shows the cut alone, auto the engines as they are served
    """

    bundle: Path | None = None
    audio: Path | None = None
    engine: str = "auto"
    precision: str = "float32"


@dataclass(frozen=True, slots=True)
class InfluenceReport:
    """Every figure of one run.

    subject: the bundle's name
    sound: the file, or the synthesiser
    frame_to_frame: mean and 95th percentile of what a speaking face changes by from one frame to the next
    """

    machine: Machine
    subject: str
    spec: AvatarSpec
    settings: InfluenceSettings
    sound: str
    sound_s: float
    frame_to_frame: tuple[float, float]
    figures: tuple[CutFigures, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "machine": self.machine.to_json(),
            "subject": self.subject,
            "spec": self.spec.to_json(),
            "precision": self.settings.precision,
            "sound": self.sound,
            "sound_s": self.sound_s,
            "pixels_frame_to_frame": {"mean": self.frame_to_frame[0], "p95": self.frame_to_frame[1]},
            "figures": [
                {**asdict(each), "waits_ms": self._waits_ms(each), "evaluations_per_s": self._evaluations_per_s(each)}
                for each in self.figures
            ],
        }

    def markdown(self) -> str:
        """The table, what it is of, and a line to read its pixels by."""
        lines = [
            "| hop | look-ahead | profile | waits | evaluations a second | error of motion | face: mean | face: p95 | "
            "seams | seams, fresh noise |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *map(self._row, self.figures),
            "",
            f"From one frame to the next a face in speech changes by {self.frame_to_frame[0]:.2f} in the mean and "
            f"{self.frame_to_frame[1]:.0f} at the 95th percentile.",
            "",
            f"Bundle `{self.subject}`, {self.settings.precision}; {self.sound_s:.1f} s of speech ({self.sound}); "
            f"commit `{self.machine.commit or 'unknown'}`, {self.machine.processor}, {self.machine.num_cores} cores.",
        ]
        return "\n".join(lines) + "\n"

    def write(self, path: Path) -> None:
        """Write the JSON; raises ConfigError where the file can't be written."""
        try:
            path.write_text(json.dumps(self.to_json(), indent=2) + "\n", "utf-8")
        except OSError as error:
            raise ConfigError(f"{path} can't be written: {error.strerror}, expected a place for the figures") from error

    def _row(self, each: CutFigures) -> str:
        named = [p.name for p in PROFILES if (p.hop_frames, p.lookahead_frames) == _pair(each)]
        cells = [
            str(each.hop_frames),
            str(each.lookahead_frames),
            *(named or [""]),
            f"{self._waits_ms(each)} ms",
            f"{self._evaluations_per_s(each):.1f}",
            _percent(each.motion_error),
            "" if each.pixel_mean is None else f"{each.pixel_mean:.2f}",
            "" if each.pixel_p95 is None else f"{each.pixel_p95:.0f}",
            f"{each.seam_ratio:.2f}",
            f"{each.fresh_noise_seam_ratio:.2f}",
        ]
        return "| " + " | ".join(cells) + " |"

    def _waits_ms(self, each: CutFigures) -> int:
        settings = StreamSettings(each.hop_frames, each.lookahead_frames)
        return _FRAME_MS * delay_frames(self.spec, settings.window(self.spec))

    def _evaluations_per_s(self, each: CutFigures) -> float:
        return (self.spec.euler_points - 1) * FRAMES_PER_S / each.hop_frames


def bench_influence(settings: InfluenceSettings, on_step: Callable[[str], None] = lambda step: None) -> InfluenceReport:
    """Measure all hops and look-aheads; raises BundleError, EngineError, ConfigError.

    on_step: told what is being done
    """
    folder = settings.bundle or embedded_bundle()
    manifest = read_manifest(folder, verify_sums=False)
    pcm = speech(settings.audio)[: MOST_S * FRAMES_PER_S * SAMPLES_PER_FRAME]
    sound_s = len(pcm) / SAMPLES_PER_FRAME / FRAMES_PER_S
    if sound_s < LEAST_S:
        raise ConfigError(f"{settings.audio} is {sound_s:.1f} s long, expected at least {LEAST_S} s of speech")
    avatar = open_avatar(folder, settings.engine, settings.precision, StreamSettings(emotion="neutral"))
    assert isinstance(avatar, NeuralAvatar), f"{type(avatar).__name__}, expected an avatar of networks"
    with closing(avatar):
        picture = read_picture(folder / manifest.portraits[manifest.default_portrait].file)
        speaker = _speaker(avatar, picture, pcm)
        fitting = {
            hop_frames: [each for each in LOOKAHEADS_FRAMES if hop_frames + each <= avatar.spec.window_frames]
            for hop_frames in HOPS_FRAMES
        }
        on_step("windows, whole and cut")
        drawn = draw_windows(speaker, {hop + lookahead for hop, fit in fitting.items() for lookahead in fit})
        figures: list[CutFigures] = []
        for hop_frames, lookaheads_frames in fitting.items():
            if lookaheads_frames:
                on_step(f"faces and seams, hop {hop_frames}")
                figures += measure_hop(speaker, drawn, hop_frames, lookaheads_frames)
        assert speaker.renderer is not None, "a bundle's avatar paints"
        # What a face in speech changes by anyway.
        frame_to_frame = FacePainter(speaker.renderer, drawn.whole[:, :1]).difference(drawn.whole[:, 1:2])
    sound = "espeak-ng" if settings.audio is None else settings.audio.name
    return InfluenceReport(
        this_machine(), manifest.name, manifest.spec, settings, sound, sound_s, frame_to_frame, tuple(figures)
    )


def _speaker(avatar: NeuralAvatar, picture: Any, pcm: Any) -> Speaker:
    spec, engines = avatar.spec, avatar.engines
    portrait = avatar.prepare(picture, crop=False)
    decoder = engines.frame_decoder.bind(**portrait.of_decoder)
    return Speaker(
        spec=spec,
        flow=engines.flow_transformer.bind(reference_motion=portrait.reference_motion),
        renderer=FrameRenderer(decoder),
        audio_features=clip_features(engines.audio_encoder, spec, pcm),
        emotion=emotion_vector("neutral"),
        window=StreamSettings(1, 0).window(spec),
        noise_scale=avatar.noise_scale,
    )


def _pair(each: CutFigures) -> tuple[int, int]:
    return each.hop_frames, each.lookahead_frames


def _percent(share: float) -> str:
    """Two digits of what may be anything from a quarter to rounding."""
    percent = 100 * share
    if percent >= 1:
        return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"
    return f"{percent:.1g} %" if percent >= 1e-3 else "rounding" if percent else "0"

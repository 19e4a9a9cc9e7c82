"""One examination of one avatar: what its rows share, made once.

In: a bundle and how much to measure. Out: the avatar, the reader, and people who have talked.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from contract.packets import FRAMES_PER_S, SAMPLES_PER_FRAME, Float32Array, UInt8Array
from contract.spec import EMOTIONS
from evaluation.face_crops import Framing
from evaluation.held_out import person, spoken_clips
from evaluation.painted_faces import true_opening
from evaluation.puppet import Puppet
from evaluation.reader_training import QUICK_RECIPE, ReaderRecipe, open_reader
from evaluation.readers import FaceReader, FaceReadings
from pipeline.avatar import StreamSettings
from pipeline.portrait import Portrait
from training.painter import Identity, paint, portrait_motion
from training.speech import Clip


@dataclass(frozen=True)
class ExaminationSize:
    """How much is measured."""

    num_pictured: int = 24
    num_motions: int = 5
    num_talks: int = 12
    num_mood_people: int = 4
    mood_clip_s: float = 4.0
    num_silent: int = 2
    silence_s: float = 10.0
    num_seam_clips: int = 6
    num_timed_frames: int = 40
    recipe: ReaderRecipe = field(default_factory=ReaderRecipe)


QUICK_SIZE = ExaminationSize(2, 2, 1, 1, 1.0, 1, 1.0, 1, 3, QUICK_RECIPE)


@dataclass(frozen=True, eq=False)
class Talk:
    """A person never met says what was never heard.

    clip: the sound and its true motion
    found: what is read from the avatar's frames; painted: the same from the painter's frames of the true motion
    opening: [num_frames] float32, the true gap between the lips
    stills: some of the avatar's frames, each beside the painter's of the same moment
    """

    clip: Clip
    found: FaceReadings
    painted: FaceReadings
    opening: Float32Array
    stills: list[tuple[UInt8Array, UInt8Array]]

    @property
    def spoken(self) -> slice:
        """The frames from the first phone to the last."""
        heard = np.flatnonzero(self.clip.speech_mask)
        return slice(int(heard[0]), int(heard[-1]) + 1)


class Examination:
    """The avatar of one bundle, as it is served, and what has been seen of it so far."""

    def __init__(self, bundle: Path, size: ExaminationSize, photographs: Path | None = None) -> None:
        """photographs: a folder of pictures to judge, beside those that installed packages hold.

        Raises BundleError, EngineError.
        """
        self.bundle, self.size, self.photographs = bundle, size, photographs
        self.puppet = Puppet(bundle)
        self.sheets: dict[str, UInt8Array] = {}

    def close(self) -> None:
        """Release the avatar."""
        self.puppet.close()

    @cached_property
    def reader(self) -> FaceReader:
        """Trained now, or found in the cache."""
        return open_reader(self.size.recipe)

    def painted_portrait(self, identity: Identity) -> tuple[UInt8Array, Portrait]:
        """A person's portrait, as the cast's are taken: the picture and what the encoder makes of it."""
        picture = paint(identity, portrait_motion(), self.puppet.spec.image_size_px)
        return picture, self.puppet.portrait(picture)

    @cached_property
    def clips(self) -> list[Clip]:
        """What is said, by voices and in sentences that no training has heard; raises ConfigError."""
        size = self.size
        counts = (size.num_talks, size.num_mood_people, size.num_seam_clips)
        return spoken_clips(max(*counts, 2))

    @cached_property
    def talks(self) -> list[Talk]:
        """Each clip said by a person of its own."""
        return [self._talk(number) for number in range(self.size.num_talks)]

    def _talk(self, number: int) -> Talk:
        clip, identity = self.clips[number], person(100 + number)
        _, portrait = self.painted_portrait(identity)
        settings = StreamSettings(emotion=EMOTIONS[clip.emotion], seed=number)
        frames = self.puppet.film(portrait, clip.pcm, settings)
        truth = np.stack([paint(identity, motion, self.puppet.spec.image_size_px) for motion in clip.motion])
        chosen = np.flatnonzero(clip.speech_mask)[:: FRAMES_PER_S // 3][:10]
        return Talk(
            clip=clip,
            found=self.reader.read(frames, Framing.of(identity)),
            painted=self.reader.read(truth, Framing.of(identity)),
            opening=np.array([true_opening(identity, motion) for motion in clip.motion], np.float32),
            stills=[(truth[i], frames[i]) for i in chosen],
        )


def cut(pcm: Float32Array, first_frame: int, num_frames: int) -> Float32Array:
    """A stretch of sound, silence where it ends too soon: [num_frames * 640] float32."""
    part = pcm[first_frame * SAMPLES_PER_FRAME : (first_frame + num_frames) * SAMPLES_PER_FRAME]
    return np.pad(part, (0, num_frames * SAMPLES_PER_FRAME - len(part))).astype(np.float32)


def sheet(rows: list[list[UInt8Array]], side_px: int = 128) -> UInt8Array:
    """Pictures in rows and columns, each [side_px, side_px, 3]; short rows end in black."""
    import cv2

    width = max(len(row) for row in rows)
    blank = np.zeros((side_px, side_px, 3), np.uint8)
    drawn = []
    for row in rows:
        cells = [cv2.resize(cell, (side_px, side_px), interpolation=cv2.INTER_AREA).astype(np.uint8) for cell in row]
        drawn.append(np.concatenate([*cells, *[blank] * (width - len(cells))], 1))
    return np.concatenate(drawn)

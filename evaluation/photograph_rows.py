"""The row about photographs, of which no truth is known: what stays of a face that turns, and whether its mouth speaks.

In: an examination. Out: figures, and a sheet of pictures for the eye.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.errors import PortraitError
from contract.packets import FRAMES_PER_S, Float32Array, UInt8Array
from evaluation.examination import Examination, cut, sheet
from evaluation.held_out import person
from evaluation.image_quality import Box, mean_inside, ssim_map
from evaluation.lip_sync import pearson
from evaluation.table import Figure, not_measured
from media.picture_file import read_picture
from pipeline.avatar import StreamSettings
from pipeline.face_detector import open_face_detector
from pipeline.portrait import Portrait, framing_reader, resize_square
from pipeline.portrait_cut import ReadFraming, cut_portrait
from training.motion_names import MOTION_NAMES
from training.painter import paint

# package, file inside it: pictures in the public domain that come with well-known packages
PACKAGED = (("skimage", "data/astronaut.png"), ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"))
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
NUM_ASKED = 5
TURN_RADIANS = float(np.radians(10))
# Boxes as shares of the square, where the cast's faces have brows to nose, the skin over the lip and the chin: pictures
# are cut as theirs are.
UPPER_FACE = (0.28, 0.28, 0.72, 0.60)
UPPER_LIP = (0.42, 0.605, 0.58, 0.655)
CHIN = (0.42, 0.745, 0.58, 0.835)
_NUM_TURNS = 9
_SPEECH_S = 6.0


@dataclass(frozen=True, eq=False)
class Judged:
    """What was found on one photograph.

    likeness: SSIM of the upper face, warped back, mean over the turns; least: of the worst turn
    moved_px: how far the upper face moves at the ends, so that standing still shows
    mouth_r: the mouth's opening by optical flow against the phones
    """

    likeness: float
    least: float
    moved_px: float
    mouth_r: float
    pictures: list[UInt8Array]


def photographs(exam: Examination) -> list[Figure]:
    """Frontal photographs that turn by 10 degrees either way and speak."""
    names = (
        "photographs: upper face warped back against the source, SSIM",
        "photographs: mouth opening against the phones, r",
    )
    puppet = exam.puppet
    read_framing = framing_reader(puppet.avatar.engines.portrait_encoder, puppet.spec)
    squares = found_photographs(exam.photographs, puppet.spec.image_size_px, read_framing)
    if not squares:
        return not_measured("photographs", names, "no photograph was found: give a folder of some")
    judged = {name: judge(exam, square) for name, square in squares.items()}
    packaged = [path.stem for path in packaged_photographs()]
    # Apart, since what somebody gives may not be theirs to pass on.
    for name, is_packaged in (("photographs", True), ("photographs_given", False)):
        if rows := [each.pictures for stem, each in judged.items() if (stem in packaged) == is_packaged]:
            exam.sheets[name] = sheet(rows)
    few = "" if len(squares) >= NUM_ASKED else f" (of the {NUM_ASKED} asked for)"
    how = f"{len(squares)} photographs{few}"
    likeness, r = (np.array([getattr(each, name) for each in judged.values()]) for name in ("likeness", "mouth_r"))
    moved = np.mean([each.moved_px for each in judged.values()])
    each_likeness, each_r = (
        ", ".join(f"{name} {getattr(each, kind):.2f}" for name, each in judged.items())
        for kind in ("likeness", "mouth_r")
    )
    return [
        Figure(
            "photographs", names[0], float(likeness.mean()), 0.85, 0.92,
            note=f"{how}: {each_likeness}; the face moves {moved:.1f} px at the ends",
        ),
        Figure(
            "photographs", names[1], float(r.mean()), 0.6, 0.8,
            note=f"{how}: {each_r}; by optical flow, which reads {painted_r(exam):.2f} from the painter's own frames",
        ),
    ]  # fmt: skip


def found_photographs(
    folder: Path | None, side_px: int, read_framing: ReadFraming | None = None
) -> dict[str, UInt8Array]:
    """Faces cut out of the photographs of installed packages and of a folder, by file name: [side, side, 3] uint8.

    read_framing: of the avatar that is judged, so that they are cut as it is served with
    """
    detector = open_face_detector()
    paths = packaged_photographs()
    if folder is not None:
        paths += sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    squares: dict[str, UInt8Array] = {}
    for path in paths:
        if path.stem in squares:
            continue
        picture = read_picture(path)
        try:
            squares[path.stem] = resize_square(cut_portrait(picture, detector, side_px, read_framing).square, side_px)
        except PortraitError:
            # A picture without a face that is found can't be served either.
            continue
    return squares


def packaged_photographs() -> list[Path]:
    """Those of PACKAGED that are installed here."""
    found = []
    for package, inside_it in PACKAGED:
        spec = find_spec(package)
        if spec is not None and spec.origin is not None and (path := Path(spec.origin).parent / inside_it).is_file():
            found.append(path)
    return found


def judge(exam: Examination, square: UInt8Array) -> Judged:
    """Turn a face and let it speak. square: [side, side, 3] uint8, cut out about the face."""
    puppet = exam.puppet
    portrait = puppet.portrait(square)
    latents = portrait.reference_motion + _turns(exam)
    turned = list(puppet.pose(portrait, latents))
    box = box_px(UPPER_FACE, square.shape[0])
    flows = [flow_between(square, frame) for frame in turned]
    likeness = [
        mean_inside(ssim_map(square, warped_back(frame, flow)), [box])
        for frame, flow in zip(turned, flows, strict=True)
    ]
    moved = [abs(float(inside(flow[..., 0], box).mean())) for flow in (flows[0], flows[-1])]
    frames, truth = _speaking(exam, portrait)
    gaps = opening_by_flow(frames)
    pictures = [square, turned[0], turned[_NUM_TURNS // 2], turned[-1], frames[gaps.argmin()], frames[gaps.argmax()]]
    return Judged(float(np.mean(likeness)), min(likeness), float(np.mean(moved)), pearson(truth, gaps), pictures)


def painted_r(exam: Examination) -> float:
    """What the optical flow reads from the painter's own frames of that speech: the most it could find."""
    clip, num_frames = exam.clips[1], round(_SPEECH_S * FRAMES_PER_S)
    motion, side = clip.motion[:num_frames], exam.puppet.spec.image_size_px
    frames = np.stack([paint(person(601), row, side) for row in motion])
    return pearson(motion[:, MOTION_NAMES.index("jaw")], opening_by_flow(frames))


def opening_by_flow(frames: UInt8Array) -> NDArray[np.float64]:
    """How far chin and upper lip are apart in each frame against the first, in pixels: [num_frames].

    frames: [num_frames, side, side, 3] uint8
    """
    side = frames.shape[1]
    lip, chin = box_px(UPPER_LIP, side), box_px(CHIN, side)
    gaps = []
    for frame in frames:
        down = flow_between(frames[0], frame)[..., 1]
        gaps.append(float(np.median(inside(down, chin)) - np.median(inside(down, lip))))
    return np.array(gaps)


def flow_between(source: UInt8Array, frame: UInt8Array) -> Float32Array:
    """Where each pixel of the source lies in the frame, as a shift: [height, width, 2] float32, by dense search."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8) for picture in (source, frame)]
    return np.asarray(search.calc(grey[0], grey[1], np.zeros((*grey[0].shape, 2), np.float32)), np.float32)


def warped_back(frame: UInt8Array, flow: Float32Array) -> UInt8Array:
    """The frame brought to where the source's pixels were. flow: of `flow_between` source and frame."""
    height, width = frame.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    places = (x + flow[..., 0]).astype(np.float32), (y + flow[..., 1]).astype(np.float32)
    return np.asarray(cv2.remap(frame, *places, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def box_px(shares: tuple[float, float, float, float], side_px: int) -> Box:
    """A box given as shares of a square's side, in pixels."""
    x0, y0, x1, y1 = (round(share * side_px) for share in shares)
    return x0, y0, x1, y1


def inside(values: NDArray[np.floating], box: Box) -> NDArray[np.floating]:
    """The part of a map in a box."""
    x0, y0, x1, y1 = box
    return values[y0:y1, x0:x1]


def _turns(exam: Examination) -> Float32Array:
    """Latents that turn a head from one side to the other: [num_turns, latent_dim]."""
    motion = np.zeros((_NUM_TURNS, len(MOTION_NAMES)), np.float32)
    motion[:, MOTION_NAMES.index("yaw")] = np.linspace(-TURN_RADIANS, TURN_RADIANS, _NUM_TURNS)
    return exam.puppet.latents(motion)


def _speaking(exam: Examination, portrait: Portrait) -> tuple[UInt8Array, Float32Array]:
    """Frames of a portrait that speaks, and the jaw that its phones want."""
    clip, num_frames = exam.clips[1], round(_SPEECH_S * FRAMES_PER_S)
    frames = exam.puppet.film(portrait, cut(clip.pcm, 0, num_frames), StreamSettings(seed=0))
    return frames, clip.motion[:num_frames, MOTION_NAMES.index("jaw")]

"""`float-avatar train`: how the embedded avatar is made, step by step, in one folder.

    float-avatar train speech            synthetic speech with known motion     FOLDER/speech.npz, held_out.npz
    float-avatar train reading           phase 1's reader of faces              FOLDER/reading.pt
    float-avatar train anchors           phase 1's anchors, of what that reads  FOLDER/anchors.pt
    float-avatar train autoencoder       phase 1                                FOLDER/phase1.pt
    float-avatar train flow              phase 2, on phase 1's motion basis     FOLDER/phase2.pt
    float-avatar train portraits         the pictures that ship                 FOLDER/portraits/

Each step may be stopped and run again: training goes on where it was saved. `float-avatar export` makes the bundle.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Step(StrEnum):
    """A step of making the avatar."""

    speech = "speech"
    reading = "reading"
    anchors = "anchors"
    autoencoder = "autoencoder"
    flow = "flow"
    portraits = "portraits"


def train(
    step: Annotated[Step, typer.Argument(help="What to make.")],
    folder: Annotated[Path, typer.Option(help="Where everything of this avatar is kept.")] = Path("runs/illustrated"),
    minutes: Annotated[float | None, typer.Option(min=0, help="Stop after this long; run again to go on.")] = None,
    warm_start: Annotated[
        Path | None, typer.Option(help="Averaged weights to begin with, where there is no checkpoint yet.")
    ] = None,
    num_clips: Annotated[int, typer.Option(min=1, help="Clips of speech to make, 15 s each.")] = 800,
    device: Annotated[str, typer.Option(help="Where to train: cpu or cuda.")] = "cpu",
    num_processes: Annotated[
        int,
        typer.Option(
            min=1, help="Processes that share phase 1, its reader or the placing of anchors; best one a core."
        ),
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything drawn by chance.")] = 1,
) -> None:
    """Make the embedded avatar: speech, phase 1's reader of faces, its anchors and itself, phase 2, portraits."""
    from training.runs import make_speech, train_anchors, train_autoencoder, train_flow, train_reading

    seconds = minutes * 60 if minutes is not None else float("inf")
    if step is Step.speech:
        make_speech(folder, num_clips, seed)
    elif step is Step.anchors:
        train_anchors(folder, seconds, device, seed, num_processes)
    elif step is Step.autoencoder:
        train_autoencoder(folder, seconds, warm_start, device, seed, num_processes)
    elif step is Step.reading:
        train_reading(folder, seconds, device, seed, num_processes)
    elif step is Step.flow:
        train_flow(folder, seconds, warm_start, device, seed)
    else:
        from models.autoencoder_config import EMBEDDED_AUTOENCODER
        from training.cast_portraits import write_portraits

        names = write_portraits(folder / "portraits", EMBEDDED_AUTOENCODER.image_size_px)
        typer.echo(f"Portraits: {', '.join(names)}.")

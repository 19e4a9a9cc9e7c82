"""Speech for training: `python -m training.speech --output runs/speech.npz --num-clips 360 --seed 1`.

In: nothing but a seed.  Out: clips of synthetic speech whose phones, and so the motion of the mouth, are known.
The parts: speech_sentences (what is said), speech_voices (by whom), speech_espeak and speech_recorded (the sound),
visemes and behaviour (the motion), speech_clips (both put together), speech_augment (the room and the microphone).
"""

import argparse
from pathlib import Path

import numpy as np

from contract.packets import FRAMES_PER_S
from training.speech_augment import augment
from training.speech_clips import Clip, assemble, load_clips, make_clip, save_clips, synthesise
from training.speech_sentences import sentences
from training.speech_utterance import Utterance, Voice
from training.speech_voices import draw_voice

__all__ = [
    "Clip",
    "Utterance",
    "Voice",
    "assemble",
    "augment",
    "draw_voice",
    "load_clips",
    "make_clip",
    "save_clips",
    "sentences",
    "synthesise",
]


def main() -> None:
    """Make clips and write them to one file."""
    parser = argparse.ArgumentParser(prog="python -m training.speech", description="Make training clips of speech.")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--num-clips", type=int, default=360)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--held-out", action="store_true", help="only voices and sentences that training never hears")
    chosen = parser.parse_args()
    if chosen.num_clips < 1:
        parser.error(f"--num-clips is {chosen.num_clips}, expected at least 1")
    clips = []
    for number in range(chosen.num_clips):
        # Each clip has its own seed, so that clip 7 is the same however many are made.
        clips.append(make_clip(np.random.default_rng([chosen.seed, number, chosen.held_out]), chosen.held_out))
        if (number + 1) % 20 == 0:
            print(f"{number + 1} of {chosen.num_clips} clips", flush=True)
    save_clips(chosen.output, clips)
    num_frames = sum(clip.num_frames for clip in clips)
    share = sum(int(clip.speech_mask.sum()) for clip in clips) / num_frames
    print(f"{chosen.output}: {num_frames / FRAMES_PER_S / 60:.1f} minutes, {share:.0%} speech")


if __name__ == "__main__":
    main()

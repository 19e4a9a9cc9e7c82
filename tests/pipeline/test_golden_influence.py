"""Short windows of the official network: what its golden weights lose by the cut is what was measured of them.

Windows are drawn whole and cut, from the same carried-over frames and the same noise, hop 5.
"""

import numpy as np
import pytest

from bench.window_influence import Speaker, draw_windows, motion_error
from pipeline.motion_window import WindowSettings
from tests.fakes import FakeEngine
from tests.golden import arrays, weights
from tests.pipeline.test_golden_sampler import OFFICIAL, engine

__all__ = ["engine"]

HOP_FRAMES, NUM_WINDOWS, NUM_FRAMES = 5, 2, 100
# By look-ahead: share of the spread of motion. From 16 on nothing but float rounding is left.
INFLUENCE = {0: 0.24, 2: 0.057, 4: 0.019, 8: 0.0007, 12: 0.00002}
# The table has one or two digits, of other windows of the same weights.
NEARNESS = 1.6


@pytest.mark.slow
def test_the_influence_of_what_lies_ahead_dies_as_in_the_table(engine: FakeEngine) -> None:
    golden = arrays("flow")
    speaker = Speaker(
        spec=OFFICIAL,
        flow=engine.bind(reference_motion=golden["r_s"].reshape(1, 512).astype(np.float32)),
        renderer=None,
        audio_features=weights.series(0, 4, NUM_FRAMES, 512, 1.0).astype(np.float32),
        emotion=golden["we"].reshape(7).astype(np.float32),
        window=WindowSettings(
            hop_frames=HOP_FRAMES, lookahead_frames=0, euler_points=10, audio_guidance=2.0, emotion_guidance=1.0
        ),
    )
    lookaheads = (*INFLUENCE, 16)
    drawn = draw_windows(speaker, [HOP_FRAMES + lookahead for lookahead in lookaheads], NUM_WINDOWS)
    whole = drawn.whole[:, :HOP_FRAMES]
    errors = {lookahead: motion_error(drawn.kept(HOP_FRAMES, lookahead), whole) for lookahead in lookaheads}
    for lookahead, expected in INFLUENCE.items():
        assert expected / NEARNESS < errors[lookahead] < expected * NEARNESS, errors
    assert errors[16] < 5e-6, errors

"""A face is prepared once, and what is less than ideal in its picture is logged once."""

import logging

import numpy as np
import pytest

from pipeline.avatar import NeuralAvatar
from server.clock import MonotonicClock
from server.portraits import PortraitChoice, PortraitGallery
from server.render_worker import RenderWorker
from tests.fakes import TINY_SPEC, fake_engines


async def test_a_picture_s_faults_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    grey = np.full((40, 60, 3), 120, np.uint8)
    gallery = PortraitGallery([PortraitChoice("own", "Own", grey), PortraitChoice("anna", "Anna", grey[:, :40])], "own")
    avatar = NeuralAvatar(TINY_SPEC, fake_engines())
    worker = RenderWorker(MonotonicClock())
    worker.start()
    try:
        with caplog.at_level(logging.WARNING):
            for name in ("own", "anna", "own"):
                await gallery.prepare(gallery.find(name), avatar, worker)
    finally:
        worker.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "Portrait own: of the picture's 60 x 40 px only the middle square is taken."
    ]

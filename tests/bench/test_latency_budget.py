"""The latency that is designed in: its sum, and that the document shows what the code adds up."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.latency_budget import budget_table, latency_budget
from bundles import embedded_bundle
from bundles.manifest import read_manifest
from pipeline.avatar import delay_frames
from pipeline.profile import PROFILES, Profile
from pipeline.stream_settings import StreamSettings
from server.config import ServerConfig
from tests.fakes import TINY_SPEC

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "latency.md"


def test_the_parts_are_all_that_a_frame_waits_for() -> None:
    spec = read_manifest(embedded_bundle(), verify_sums=False).spec
    for profile in PROFILES:
        budget = latency_budget(spec, profile, microphone_cushion_ms=20, cushion_frames=2)
        window = StreamSettings(profile.hop_frames, profile.lookahead_frames).window(spec)
        assert sum(budget.parts_ms) == 40 + 20 + 40 * delay_frames(spec, window) + 80
        assert budget.encoder_ms == 40 * spec.audio_lookahead_frames


@pytest.mark.parametrize(
    ("hop_frames", "lookahead_frames", "encoder_frames"),
    [
        # Calls of four frames: windows of four end with them, those of five wait for up to three frames more.
        (4, 0, 2),
        (5, 0, 5),
    ],
)
def test_calls_that_give_several_frames_are_waited_for(
    hop_frames: int, lookahead_frames: int, encoder_frames: int
) -> None:
    spec = replace(TINY_SPEC, audio_chunk_frames=4, audio_lookahead_frames=2)
    budget = latency_budget(spec, Profile("some", hop_frames, lookahead_frames), 0, 0)
    assert budget.encoder_ms == 40 * encoder_frames


def test_the_document_shows_what_the_code_adds_up() -> None:
    spec, config = read_manifest(embedded_bundle(), verify_sums=False).spec, ServerConfig()
    budgets = [latency_budget(spec, each, config.microphone_cushion_ms, config.cushion_frames) for each in PROFILES]
    table = budget_table(budgets)
    assert table in DOCUMENT.read_text("utf-8"), f"docs/latency.md should hold\n{table}"

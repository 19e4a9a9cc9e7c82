"""A specification comes back as it was written, and a meaningless field is named with what was expected."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from contract.errors import BundleError
from contract.packets import SAMPLES_PER_FRAME
from contract.spec import OPTIONAL_COMPONENTS, REQUIRED_COMPONENTS, AvatarSpec

SPEC = AvatarSpec(
    image_size_px=32,
    latent_dim=8,
    num_motion_directions=4,
    audio_feature_dim=6,
    pyramid_channels=(5, 4, 3),
    audio_context_frames=3,
    audio_lookahead_frames=2,
    audio_chunk_frames=4,
    motion_names=("yaw", "pitch"),
    noise_scales=(1.0, 0.5),
)


def test_json_brings_the_same_specification_back() -> None:
    assert AvatarSpec.from_json(json.loads(json.dumps(SPEC.to_json()))) == SPEC


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_dim": "8"}, "latent_dim '8', expected a whole number of at least 1"),
        ({"latent_dim": 0}, "latent_dim 0, expected a whole number of at least 1"),
        ({"latent_dim": True}, "latent_dim True, expected a whole number"),
        ({"window_frames": 50.0}, "window_frames 50.0, expected a whole number"),
        ({"carried_frames": None}, "carried_frames None, expected a whole number"),
        ({"euler_points": 1}, "euler_points 1, expected a whole number of at least 2"),
        ({"audio_context_frames": -1}, "audio_context_frames -1, expected a whole number of at least 0"),
        ({"audio_guidance": float("nan")}, "audio_guidance nan, expected a finite number"),
        ({"audio_statistics": 1}, "audio_statistics 1, expected true or false"),
        ({"reads_framing": "yes"}, "reads_framing 'yes', expected true or false"),
        ({"num_face_values": -1}, "num_face_values -1, expected a whole number of at least 0"),
        ({"num_face_values": 480.0}, "num_face_values 480.0, expected a whole number"),
        ({"num_face_values": "480"}, "num_face_values '480', expected a whole number"),
        ({"num_face_values": False}, "num_face_values False, expected a whole number"),
        ({"emotion_guidance": "high"}, "emotion_guidance 'high', expected a finite number"),
        ({"pyramid_channels": 5}, "pyramid_channels 5, expected a list of whole numbers of at least 1"),
        ({"pyramid_channels": [5, 4, 0]}, "pyramid_channels [5, 4, 0], expected a list of whole numbers"),
        ({"motion_names": "yaw"}, "motion_names 'yaw', expected a list of names"),
        ({"motion_names": [1]}, "motion_names [1], expected a list of names"),
        ({"noise_scales": 0.5}, "noise_scales 0.5, expected a list of numbers from 0 to 1"),
        ({"noise_scales": [1.5]}, "noise_scales [1.5], expected a list of numbers from 0 to 1"),
        ({"noise_scales": [-0.1]}, "noise_scales [-0.1], expected a list of numbers from 0 to 1"),
        ({"noise_scales": [float("nan")]}, "noise_scales [nan], expected a list of numbers from 0 to 1"),
        ({"noise_scales": [1.0] * 5}, "has 5 noise_scales, expected one for each of at most 4 motion directions"),
        ({"image_size_px": 64}, "image_size_px 64 does not fit 3 pyramid levels: expected 32"),
        ({"nose_px": 3}, "unknown fields ['nose_px']"),
    ],
)
def test_a_meaningless_field_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=re.escape(message)):
        AvatarSpec.from_json({**SPEC.to_json(), **changes})


def test_a_missing_field_is_named() -> None:
    values = json.loads(json.dumps(SPEC.to_json()))
    del values["latent_dim"]
    with pytest.raises(BundleError, match=r"does not fit: .*'latent_dim'"):
        AvatarSpec.from_json(values)


def test_the_audio_encoder_takes_the_sound_around_its_frames() -> None:
    assert SPEC.audio_call_samples == (3 + 4 + 2) * SAMPLES_PER_FRAME
    (pcm,), (features,) = SPEC.signature("audio_encoder").inputs, SPEC.signature("audio_encoder").outputs
    assert pcm.shape == (None, 9 * SAMPLES_PER_FRAME)
    assert features.shape == (None, 4, 6)


def test_an_audio_encoder_with_statistics_takes_sound_of_any_length() -> None:
    spec = replace(SPEC, audio_statistics=True)
    signature = spec.signature("audio_encoder")
    shapes = {tensor.name: tensor.shape for tensor in (*signature.inputs, *signature.outputs)}
    assert shapes == {
        "pcm": (None, None),
        "window_mean": (None, 10),
        "window_root": (None, 10, 10),
        "audio_features": (None, None, 6),
    }
    assert AvatarSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize("field", ["audio_statistics", "reads_framing", "num_face_values"])
def test_a_manifest_from_before_a_field_was_there_does_without_it(field: str) -> None:
    values = SPEC.to_json()
    del values[field]
    assert AvatarSpec.from_json(values) == SPEC


def test_a_portrait_encoder_that_reads_framing_gives_it_last() -> None:
    spec = replace(SPEC, reads_framing=True)
    *others, framing = spec.signature("portrait_encoder").outputs
    assert tuple(others) == SPEC.signature("portrait_encoder").outputs
    assert (framing.name, framing.shape) == ("framing", (None, 3))
    assert AvatarSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize("reads_framing", [False, True])
def test_what_is_read_of_a_face_goes_last_from_the_portrait_encoder_to_the_frame_decoder(reads_framing: bool) -> None:
    without = replace(SPEC, reads_framing=reads_framing)
    spec = replace(without, num_face_values=484)
    given, taken = spec.signature("portrait_encoder"), spec.signature("frame_decoder")
    assert given.outputs[:-1] == without.signature("portrait_encoder").outputs
    assert taken.inputs[:-1] == without.signature("frame_decoder").inputs
    assert given.outputs[-1] == taken.inputs[-1]
    assert (taken.inputs[-1].name, taken.inputs[-1].shape) == ("face", (None, 484))
    assert (given.inputs, taken.outputs) == (
        without.signature("portrait_encoder").inputs,
        without.signature("frame_decoder").outputs,
    )
    assert SPEC.num_face_values == 0
    # No other component knows of it.
    for component in ("audio_encoder", "flow_transformer", "emotion_classifier"):
        assert spec.signature(component) == without.signature(component)
    assert AvatarSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_the_portrait_encoder_gives_the_pyramid_that_the_decoder_takes() -> None:
    given, taken = SPEC.signature("portrait_encoder").outputs, SPEC.signature("frame_decoder").inputs
    assert [t for t in given if t.name.startswith("feature_")] == [t for t in taken if t.name.startswith("feature_")]
    assert SPEC.pyramid_shapes() == ((5, 8, 8), (4, 16, 16), (3, 32, 32))


def test_every_component_has_a_signature_with_a_free_batch() -> None:
    for component in (*REQUIRED_COMPONENTS, *OPTIONAL_COMPONENTS):
        signature = SPEC.signature(component)
        assert all(tensor.shape[0] is None for tensor in (*signature.inputs, *signature.outputs)), component

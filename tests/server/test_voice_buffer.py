"""Samples leave in the order in which they came, with the time at which the last of them did."""

import numpy as np

from server.voice_buffer import VoiceBuffer


def filled(*packets: tuple[int, float]) -> VoiceBuffer:
    """A buffer with packets of (samples, when they came), numbered from 0 on."""
    buffer = VoiceBuffer()
    for num_samples, now_s in packets:
        first = buffer.end_samples
        buffer.append(np.arange(first, first + num_samples, dtype=np.int16), now_s)
    return buffer


def test_a_cut_is_of_the_time_at_which_its_last_sample_came() -> None:
    buffer = filled((100, 1.0), (100, 2.0), (100, 3.0))
    assert [buffer.cut(num)[1] for num in (60, 40, 50, 100, 50)] == [1.0, 1.0, 2.0, 3.0, 3.0]
    assert len(buffer) == 0 and buffer.position_samples == buffer.end_samples == 300


def test_what_is_cut_are_the_oldest_samples() -> None:
    buffer = filled((100, 1.0), (100, 2.0))
    assert buffer.cut(150)[0].tolist() == list(range(150))
    assert buffer.samples.tolist() == list(range(150, 200)) and buffer.newest_arrival_s == 2.0


def test_samples_left_out_leave_the_times_of_the_others() -> None:
    buffer = filled((1000, 1.0), (1000, 2.0), (1000, 3.0))
    buffer.leave_out(1500)
    assert len(buffer) == 1500 and buffer.position_samples == 1500
    assert buffer.samples[-500:].tolist() == list(range(2500, 3000))
    assert buffer.cut(500)[1] == 2.0 and buffer.cut(1000)[1] == 3.0


def test_silence_keeps_length_and_times() -> None:
    buffer = filled((100, 1.0), (100, 2.0))
    buffer.silence()
    head, captured_at_s = buffer.cut(150)
    assert not head.any() and captured_at_s == 2.0 and len(buffer) == 50

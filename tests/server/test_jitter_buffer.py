"""Every packet goes on at once; late and doubled ones go nowhere."""

from dataclasses import dataclass

import pytest

from server.jitter_buffer import PassThroughJitterBuffer


@dataclass
class Packet:
    sequence_number: int
    timestamp: int = 0
    _data: bytes = b""


def passed(numbers: list[int]) -> list[int]:
    buffer = PassThroughJitterBuffer()
    out = []
    for number in numbers:
        wants_picture, frame = buffer.add(Packet(number, timestamp=number * 960, _data=bytes([number % 256])))
        assert not wants_picture
        if frame is not None:
            assert frame.data == bytes([number % 256])
            assert frame.timestamp == number * 960
            out.append(number)
    return out


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([5, 6, 7], [5, 6, 7]),
        ([5, 8, 9], [5, 8, 9]),
        ([5, 7, 6, 8], [5, 7, 8]),
        ([5, 5, 6, 6], [5, 6]),
        ([65534, 65535, 0, 1], [65534, 65535, 0, 1]),
        ([65535, 1, 0, 2], [65535, 1, 2]),
        ([9000, 40, 41], [9000, 40, 41]),
    ],
)
def test_packets(numbers: list[int], expected: list[int]) -> None:
    assert passed(numbers) == expected

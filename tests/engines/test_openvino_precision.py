"""bfloat16 and 8 bits are asked for where the processor gains by them."""

import numpy as np
import openvino as ov
import pytest

from engines.openvino_precision import beside_int8, bfloat16_pays, gains_by_int8, int8_pays, is_clearly_slower
from engines.registry import takes_bfloat16, takes_int8


def test_a_form_has_to_be_a_quarter_slower_to_be_given_up() -> None:
    assert is_clearly_slower(1.3, 1.0) and not is_clearly_slower(1.2, 1.0) and not is_clearly_slower(0.4, 1.0)


def test_a_machine_is_asked_once_and_one_without_bfloat16_does_not_take_it() -> None:
    answer = bfloat16_pays()
    assert bfloat16_pays() is answer and bfloat16_pays.cache_info().misses == 1
    assert takes_bfloat16("openvino") is answer
    assert beside_int8() == ("bfloat16" if answer else "float32")
    if "BF16" not in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert not answer
    # What a backend without a choice makes of it is its own matter.
    assert takes_bfloat16("onnxruntime")


def test_a_machine_is_asked_once_whether_8_bits_pay() -> None:
    answer = int8_pays()
    assert int8_pays() is answer and int8_pays.cache_info().misses == 1
    assert takes_int8("openvino") is answer and not takes_int8("onnxruntime")


@pytest.mark.parametrize(
    ("int8_s", "largest", "pays"),
    [(1.0, 1.0, True), (1.7, 1.0, False), (1.0, 0.5, False)],
    ids=["fast and right", "little gained", "sums overflow"],
)
def test_8_bits_must_be_clearly_faster_than_all_else_and_right(int8_s: float, largest: float, pays: bool) -> None:
    right = np.ones(4, np.float32)
    assert gains_by_int8({"float32": (3.0, right), "bfloat16": (2.0, right), "int8": (int8_s, largest * right)}) is pays
    assert gains_by_int8({"float32": (3.0, right), "int8": (1.7, right)})

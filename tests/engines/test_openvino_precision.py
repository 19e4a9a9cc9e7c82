"""bfloat16 is asked for where the processor gains by it."""

import openvino as ov

from engines.openvino_precision import bfloat16_pays, is_clearly_slower
from engines.registry import takes_bfloat16


def test_a_form_has_to_be_a_quarter_slower_to_be_given_up() -> None:
    assert is_clearly_slower(1.3, 1.0) and not is_clearly_slower(1.2, 1.0) and not is_clearly_slower(0.4, 1.0)


def test_a_machine_is_asked_once_and_one_without_bfloat16_does_not_take_it() -> None:
    answer = bfloat16_pays()
    assert bfloat16_pays() is answer and bfloat16_pays.cache_info().misses == 1
    assert takes_bfloat16("openvino") is answer
    if "BF16" not in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert not answer
    # What a backend without a choice makes of it is its own matter.
    assert takes_bfloat16("onnxruntime")

"""Constants of an OpenVINO model, computed beforehand: weights are found as such, in whatever form they came."""

from typing import Any

from openvino.passes import ConstantFolding, Manager


def fold_constants(model: Any) -> None:
    """Replace, in place, what hangs on constants alone."""
    folding = Manager()
    folding.register_pass(ConstantFolding())
    folding.run_passes(model)

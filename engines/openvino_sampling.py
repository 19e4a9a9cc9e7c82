"""Warping as gathers: bilinear sampling of a model's input in the form that OpenVINO runs fastest on a CPU.

In:  a model of fixed shapes for a batch of one, which samples inputs at grids that it computes
Out: the same model, taking each of those inputs as a table of pixels, and how the tables are made
OpenVINO's own GridSample reads a channel at a time, in float32 whatever was asked for, and rounds the grid on its way
there: a quarter of the frame decoder's time, and half of what bfloat16 costs in accuracy. Here a pixel's channels lie
side by side, and are copied at once.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

from engines.base import Array, Precision
from engines.openvino_folding import fold_constants

# Below this, a pixel's channels are too few for a copy of their own.
_SMALLEST_CHANNELS = 16
# Whole numbers up to here are exact in bfloat16, which is what lies between two fused steps.
_LARGEST_BFLOAT16_SIZE_PX = 256
# Zeros around a map: what lies just outside blends with them, what lies further is moved onto them.
_ZEROS_BEFORE, _ZEROS_AFTER = 1, 2
# Values gathered before they are blended: as many as stay in the cache of a core or two.
_BAND_VALUES = 2**21


@dataclass(frozen=True)
class PixelTable:
    """How an input is given: a row a pixel, its map surrounded by zeros.

    channels, height_px, width_px: of the input's one map
    precision: of the rows
    """

    channels: int
    height_px: int
    width_px: int
    precision: Precision

    @property
    def row_px(self) -> int:
        """Pixels from one line of the table to the next."""
        return _ZEROS_BEFORE + self.width_px + _ZEROS_AFTER

    @property
    def num_pixels(self) -> int:
        """Rows of the table."""
        return (_ZEROS_BEFORE + self.height_px + _ZEROS_AFTER) * self.row_px

    def tensor(self, feature_map: Array) -> Any:
        """The table of one input. feature_map: [1, channels, height_px, width_px] float32."""
        around = (_ZEROS_BEFORE, _ZEROS_AFTER)
        padded = np.pad(feature_map, ((0, 0), (0, 0), around, around))
        rows = np.ascontiguousarray(padded.transpose(0, 2, 3, 1), np.float32).reshape(self.num_pixels, self.channels)
        if self.precision == "float32":
            return ov.Tensor(rows)
        tensor = ov.Tensor(ov.Type.bf16, ov.Shape(rows.shape))
        bits = rows.view(np.uint32)
        # The upper half of a float32 is a bfloat16; the rest is rounded, halves to even.
        tensor.data.view(np.uint16)[...] = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
        return tensor


def gather_pixels(model: Any, precision: Precision) -> dict[str, PixelTable]:
    """Rewrite, in place, the sampling of inputs by gathers; returns the inputs that are now tables, by name."""
    if model.is_dynamic():
        return {}
    fold_constants(model)
    tables = {}
    for node in model.get_ordered_ops():
        if _is_plain_bilinear(node) and (table := _table_of(node, precision)) is not None:
            source = node.input_value(0).get_node()
            name = source.output(0).get_any_name()
            rows = ops.parameter([table.num_pixels, table.channels], _element(precision), name=name)
            rows.output(0).get_tensor().set_names(source.output(0).get_names())
            sampled = _sample(table, ops.convert(rows, "f32"), node.input_value(1))
            for reader in node.output(0).get_target_inputs():
                reader.replace_source_output(sampled.output(0))
            model.remove_parameter(source)
            model.add_parameters([rows])
            tables[name] = table
    return tables


def _is_plain_bilinear(node: Any) -> bool:
    if node.get_type_name() != "GridSample":
        return False
    how = node.get_attributes()
    return (how["mode"], how["padding_mode"], how["align_corners"]) == ("bilinear", "zeros", False)


def _table_of(node: Any, precision: Precision) -> PixelTable | None:
    """The table to sample from, or None where the sampling is better left as it is."""
    source = node.input_value(0)
    batch, channels, height_px, width_px = source.get_shape()
    is_alone = source.get_node().get_type_name() == "Parameter" and len(source.get_target_inputs()) == 1
    is_exact = precision == "float32" or max(height_px, width_px) <= _LARGEST_BFLOAT16_SIZE_PX
    if batch != 1 or channels < _SMALLEST_CHANNELS or not is_alone or not is_exact:
        return None
    return PixelTable(channels, height_px, width_px, precision)


def _sample(table: PixelTable, rows: Any, grid: Any) -> Any:
    """rows: [pixels, channels]; grid: [1, height, width, 2], x and y; returns [1, channels, height, width]."""
    _, height_px, width_px, _ = grid.get_shape()
    half_px = np.array([table.width_px / 2, table.height_px / 2], np.float32)
    offset, base = _split_grid(grid)
    moved_px = ops.multiply(offset, ops.constant(half_px)).output(0)
    first_px = (base + np.float32(1)) * half_px - np.float32(0.5)
    from_px = np.broadcast_to(first_px, (1, height_px, width_px, 2)).astype(np.float32)
    num_bands = min(height_px, -(-4 * table.channels * height_px * width_px // _BAND_VALUES))
    edges = [height_px * band // num_bands for band in range(num_bands + 1)]
    bands = []
    for first, end in itertools.pairwise(edges):
        here = moved_px if num_bands == 1 else ops.slice(moved_px, _ints(first), _ints(end), _ints(1), _ints(1))
        bands.append(_sample_band(table, rows, here, from_px[:, first:end]))
    return ops.transpose(bands[0] if num_bands == 1 else ops.concat(bands, 1), _ints(0, 3, 1, 2))


def _sample_band(table: PixelTable, rows: Any, moved_px: Any, from_px: NDArray[np.float32]) -> Any:
    """moved_px + from_px: [1, height, width, 2], where each pixel is sampled; returns [1, height, width, channels]."""
    _, height_px, width_px, _ = from_px.shape
    start = ops.constant(np.ascontiguousarray(from_px))
    # One fused step gives the whole pixels and the next one the fractions. What leaves a step is rounded in bfloat16,
    # so that the place itself may not.
    farthest = np.array([table.width_px, table.height_px], np.float32)
    place = ops.minimum(ops.maximum(ops.add(moved_px, start), ops.constant(np.float32(-1))), ops.constant(farthest))
    whole = ops.floor(place)
    fraction = ops.clamp(ops.add(moved_px, ops.subtract(start, whole)), 0.0, 1.0)
    right, down = ops.split(fraction, ops.constant(np.int64(3)), 2).outputs()
    column_row = ops.add(ops.convert(whole, "i32"), ops.constant(np.int32(_ZEROS_BEFORE)))
    steps = ops.constant(np.array([1, table.row_px], np.int32))
    corner = ops.reduce_sum(ops.multiply(column_row, steps), _ints(3), keep_dims=True)

    def gather(step: int) -> Any:
        row = ops.reshape(ops.add(corner, ops.constant(np.int32(step))), _ints(-1), special_zero=False)
        pixels = ops.gather(rows, row, ops.constant(np.int64(0)))
        return ops.reshape(pixels, _ints(1, height_px, width_px, table.channels), special_zero=False)

    upper = _blend(gather(0), gather(1), right)
    lower = _blend(gather(table.row_px), gather(table.row_px + 1), right)
    return _blend(upper, lower, down)


def _blend(one: Any, other: Any, share: Any) -> Any:
    return ops.add(one, ops.multiply(ops.subtract(other, one), share))


def _split_grid(grid: Any) -> tuple[Any, NDArray[np.float32]]:
    """A grid as what is computed and what is constant: [1, height, width, 2] each, or 0 where nothing is constant."""
    node = grid.get_node()
    if node.get_type_name() == "Add":
        for index in range(2):
            constant = node.input_value(index).get_node()
            if constant.get_type_name() == "Constant":
                return node.input_value(1 - index), np.asarray(constant.get_data(), np.float32)
    return grid, np.zeros((), np.float32)


def _ints(*values: int) -> Any:
    return ops.constant(np.array(values, np.int64))


def _element(precision: Precision) -> Any:
    return ov.Type.bf16 if precision == "bfloat16" else ov.Type.f32

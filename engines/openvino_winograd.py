"""Wide 3x3 convolutions as Winograd's F(4x4, 3x3): a quarter of the multiplications.

In:  a model of fixed shapes for a batch of one, constants folded
Out: the same model, some of its convolutions as products of small tiles
For float32 only: bfloat16 rounds the transformed tiles too coarsely, and saves too little to pay for transforming them.
Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (CVPR 2016), with points 0, 1, -1, 2, -2.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from openvino import opset13 as ops

# With fewer channels, or more pixels, moving the tiles costs more than the multiplications saved.
_SMALLEST_CHANNELS = 256
_LARGEST_SIZE_PX = 64
_TILE_PX = 4
_PATCH_PX = 6
_OF_PATCH = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    np.float32,
)
_OF_KERNEL = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], np.float64) / 24
_TO_TILE = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float32)


def multiply_tiles(model: Any) -> int:
    """Rewrite, in place, the convolutions that gain by it; returns how many."""
    found = [node for node in model.get_ordered_ops() if _gains(node)]
    for node in found:
        tiled = _in_tiles(node.input_value(0), node.input_value(1).get_node().get_data())
        for reader in node.output(0).get_target_inputs():
            reader.replace_source_output(tiled.output(0))
    return len(found)


def _gains(node: Any) -> bool:
    if node.get_type_name() != "Convolution" or node.output(0).get_partial_shape().is_dynamic:
        return False
    weight, shape = node.input_value(1), list(node.output(0).get_shape())
    channels = list(weight.get_shape())
    how = node.get_attributes()
    is_same_3x3 = channels[2:] == [3, 3] and list(how["strides"]) == list(how["dilations"]) == list(
        how["pads_begin"]
    ) == list(how["pads_end"]) == [1, 1]
    return (
        is_same_3x3
        and weight.get_node().get_type_name() == "Constant"
        and min(channels[:2]) >= _SMALLEST_CHANNELS
        and shape[0] == 1
        and all(4 * _TILE_PX <= size <= _LARGEST_SIZE_PX and size % _TILE_PX == 0 for size in shape[2:])
    )


def _in_tiles(x: Any, weight: NDArray[np.float32]) -> Any:
    """x: [1, in, height, width]; weight: [out, in, 3, 3]; returns [1, out, height, width]."""
    _, channels_in, height_px, width_px = x.get_shape()
    channels_out = weight.shape[0]
    down, across = height_px // _TILE_PX, width_px // _TILE_PX
    num_tiles, num_products = down * across, _PATCH_PX**2
    one_around = _ints(0, 1, 1, 0)
    padded = ops.pad(
        ops.transpose(x, _ints(0, 2, 3, 1)), one_around, one_around, "constant", ops.constant(np.float32(0))
    )
    pixels = ops.reshape(padded, _ints(-1, channels_in), special_zero=False)
    rows = ops.constant(_patch_pixels(down, across, width_px + 2))
    patches = ops.gather(pixels, rows, ops.constant(np.int64(0)))
    patches = ops.reshape(patches, _ints(num_products, num_tiles * channels_in), special_zero=False)
    turned = ops.matmul(ops.constant(np.kron(_OF_PATCH, _OF_PATCH)), patches, False, False)
    turned = ops.reshape(turned, _ints(num_products, num_tiles, channels_in), special_zero=False)
    kernels = np.einsum("ai,kcij,bj->abkc", _OF_KERNEL, weight.astype(np.float64), _OF_KERNEL)
    kernels = kernels.reshape(num_products, channels_out, channels_in).astype(np.float32)
    products = ops.matmul(turned, ops.constant(kernels), False, True)
    products = ops.reshape(products, _ints(num_products, num_tiles * channels_out), special_zero=False)
    tiles = ops.matmul(ops.constant(np.kron(_TO_TILE, _TO_TILE)), products, False, False)
    tiles = ops.reshape(tiles, _ints(_TILE_PX, _TILE_PX, down, across, channels_out), special_zero=False)
    lines = ops.transpose(tiles, _ints(2, 0, 3, 1, 4))
    result = ops.reshape(lines, _ints(1, height_px, width_px, channels_out), special_zero=False)
    return ops.transpose(result, _ints(0, 3, 1, 2))


def _patch_pixels(down: int, across: int, row_px: int) -> NDArray[np.int32]:
    """The pixel of each place of a patch, patch after patch: [places * patches], patches overlapping by two pixels."""
    y, x = np.meshgrid(np.arange(down), np.arange(across), indexing="ij")
    first = (y * row_px + x) * _TILE_PX
    places = (np.arange(_PATCH_PX)[:, None] * row_px + np.arange(_PATCH_PX)).reshape(-1, 1)
    return (places + first.reshape(1, -1)).reshape(-1).astype(np.int32)


def _ints(*values: int) -> Any:
    return ops.constant(np.array(values, np.int64))

"""Products in parts are products, whatever their sizes and wherever their rows lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodylc.runtime.products import Linear, Matrix, in_parts, linear_layers, part_width, product

SIZES = st.sampled_from([1, 2, 3, 16, 17, 64, 130, 192, 320, 640])


@given(st.integers(0, 80), SIZES, SIZES, st.integers(0, 2), st.booleans())
def test_a_product_is_that_of_numpy(rows, inner, outputs, stacked, into):
    rng = np.random.default_rng(rows + inner + outputs)
    stack = (stacked,) if stacked else ()
    x = rng.standard_normal((*stack, rows, 2 * inner), np.float32)[..., :inner]  # rows apart from each other
    weights = rng.standard_normal((*stack, inner, outputs), np.float32)
    parts = Matrix.of(weights).for_rows(rows)
    width = parts.shape[-1]
    out = np.empty((*stack, rows, 2 * outputs), np.float32)[..., :outputs] if into else None
    found = product(x, parts, None if out is None else in_parts(out, width))
    expected = x.astype(float) @ weights
    np.testing.assert_allclose(found, in_parts(expected, width), rtol=1e-4, atol=1e-4)
    if out is not None:
        np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)


def test_one_x_is_multiplied_with_every_matrix_of_a_stack():
    rng = np.random.default_rng(0)
    x, weights = rng.standard_normal((40, 8), np.float32), rng.standard_normal((3, 8, 96), np.float32)
    found = product(x, Matrix.of(weights).for_rows(40))
    assert found.shape == (3, 2, 40, 48)
    np.testing.assert_allclose(found, in_parts(x @ weights, 48), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("rows", "parts", "blocks"), [(1, 1, 1), (2, 20, 1), (16, 20, 1), (39, 20, 3), (64, 20, 4), (65, 1, 1)]
)
def test_products_of_few_rows_are_made_in_parts_and_blocks(monkeypatch, rows, parts, blocks):
    matrix = Matrix.of(np.ones((320, 1280), np.float32)).for_rows(rows)
    shapes = []
    multiply = np.matmul
    monkeypatch.setattr(np, "matmul", lambda x, w, out: shapes.append((x.shape[-2], w.shape)) or multiply(x, w, out))
    product(np.ones((rows, 320), np.float32), matrix)
    assert [shape for _, shape in shapes] == [(parts, 320, 1280 // parts)] * blocks
    assert sum(each for each, _ in shapes) == rows
    assert parts == 1 or all(each * 320 * 1280 // parts <= 1_000_000 for each, _ in shapes)


@pytest.mark.parametrize(
    ("inner", "outputs", "width"),
    [
        (320, 1280, 64),
        (640, 320, 64),  # 16 * 640 * 64 are fewer than a million
        (1024, 1024, 32),
        (2048, 1024, 16),
        (8192, 1024, 1024),  # no part is small
        (320, 130, 130),  # nor divided by 32 to 64, but small as a whole
        (704, 80, 80),  # 40 would not fill registers
        (130, 96, 48),
        (130, 7, 7),
    ],
)
def test_parts_are_small_and_as_wide_as_registers_take_them(inner, outputs, width):
    assert part_width(inner, outputs) == width


def test_the_weights_for_few_rows_and_for_many_are_the_same():
    weights = np.random.default_rng(0).standard_normal((2, 5, 192), np.float32)
    matrix = Matrix.of(weights.swapaxes(-1, -2).copy().swapaxes(-1, -2))  # as files have them, outputs first
    assert matrix.narrow.shape == (2, 3, 5, 64)
    assert matrix.narrow.flags.c_contiguous
    np.testing.assert_array_equal(matrix.narrow, in_parts(weights, 64))
    np.testing.assert_array_equal(matrix.wide, weights[:, None])


def test_a_layer_is_read_by_its_name():
    weights = {"a.weight": np.array([[1, 2], [3, 4], [5, 6]], np.float32), "a.bias": np.array([1, 0, 2], np.float32)}
    np.testing.assert_array_equal(linear_layers(weights)["a"](np.array([[[10, 1]]], np.float32)), [[[13, 34, 58]]])
    np.testing.assert_array_equal(Linear.of(weights, "a").matrix.narrow, [[[1, 3, 5], [2, 4, 6]]])

"""Products in parts are products, whatever their sizes and wherever their rows lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodylc.runtime.products import Linear, linear_layers, product

SIZES = st.sampled_from([1, 2, 3, 16, 17, 64, 130, 192, 320, 640])


@given(st.integers(0, 80), SIZES, SIZES, st.integers(0, 2), st.booleans())
def test_a_product_is_that_of_numpy(rows, inner, outputs, stacked, into):
    rng = np.random.default_rng(rows + inner + outputs)
    stack = (stacked,) if stacked else ()
    x = rng.standard_normal((*stack, rows, 2 * inner), np.float32)[..., :inner]  # rows apart from each other
    weights = rng.standard_normal((*stack, inner, outputs), np.float32)
    out = np.empty((*stack, rows, 2 * outputs), np.float32)[..., :outputs] if into else None
    found = product(x, weights, out)
    assert out is None or found is out
    np.testing.assert_allclose(found, x.astype(float) @ weights, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("rows", "parts"), [(1, 1), (2, 1), (16, 8), (39, 16), (64, 40), (100, 1)])
def test_products_of_few_rows_are_made_in_parts(monkeypatch, rows, parts):
    shapes = []
    multiply = np.matmul
    monkeypatch.setattr(np, "matmul", lambda x, weights, out: shapes.append(weights.shape) or multiply(x, weights, out))
    product(np.ones((rows, 320), np.float32), np.ones((320, 1280), np.float32))
    width = 1280 // parts
    assert shapes == [(parts, 320, width) if parts > 1 else (320, 1280)]
    assert parts == 1 or rows * 320 * width <= 1_000_000


def test_a_layer_is_read_by_its_name():
    weights = {"a.weight": np.array([[1, 2], [3, 4], [5, 6]], np.float32), "a.bias": np.array([1, 0, 2], np.float32)}
    np.testing.assert_array_equal(linear_layers(weights)["a"](np.array([[[10, 1]]], np.float32)), [[[13, 34, 58]]])
    assert Linear.of(weights, "a").weight.flags.c_contiguous

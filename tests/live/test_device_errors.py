"""Which errors of a device stay."""

import pytest
import torch

from melodylc import UserError
from melodylc.live.device_errors import sticks


@pytest.mark.parametrize(
    ("error", "stays"),
    [
        (RuntimeError("CUDA error: device-side assert triggered\nCompile with"), True),
        (torch.AcceleratorError("CUDA error: an illegal memory access"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), True),
        (RuntimeError("CUBLAS_STATUS_EXECUTION_FAILED when calling"), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), False),
        (RuntimeError("Expected all tensors to be on the same device, but found cuda:0 and cpu"), False),
        (RuntimeError("out of luck"), False),
        (ValueError("CUDA error"), False),
        (UserError("rule: it raised"), False),
    ],
)
def test_errors_that_stay(error, stays):
    assert sticks(error) == stays
    wrapped = UserError("rule: it raised")
    wrapped.__cause__ = error
    assert sticks(wrapped) == stays

import pytest

from melodylc.live.inference import Inference
from melodylc.live.protocol import Setup


@pytest.fixture(scope="package")
def inference():
    """The embedded model, ready to answer."""
    return Inference(Setup())

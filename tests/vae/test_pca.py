import numpy as np
import pytest
import torch

from melodylc.vae import pca
from melodylc.vae.model import MelodyVAE
from melodylc.vae.presets import Sizes


def test_reverse_water_filling_by_hand():
    # two components of variance 4 and 1: half a nat each way below noise 1 and above
    variances = torch.tensor([4.0, 1.0])
    assert pca.noise_for(variances, 0.5 * np.log(4)) == pytest.approx(1.0, rel=1e-4)
    # at noise 1/4: log(16)/2 + log(4)/2
    assert pca.noise_for(variances, 0.5 * np.log(16) + 0.5 * np.log(4)) == pytest.approx(0.25, rel=1e-4)


@torch.no_grad()
def test_the_start_reconstructs_what_is_linear_and_keeps_the_kl():
    """Embeddings of six hidden dimensions: a z of six at a high KL gives them back; the KL is the one asked for."""
    torch.manual_seed(0)
    sizes = Sizes(latent=6, encoder=5, conductor=4, embedding=12, decoder=5, bar_encoder=3, slice=12)
    model = MelodyVAE(sizes)
    hidden = torch.randn(4000, 6)
    embeddings = (hidden @ torch.randn(6, 16 * 12)).reshape(4000, 16, 12)
    embeddings = torch.nn.functional.layer_norm(embeddings, (12,)) * 1.0
    pca.initialise(model, embeddings, nats=9.0)
    posterior = model.encoder.upper(embeddings)
    assert float(posterior.kl().sum(dim=1).mean()) == pytest.approx(9.0, rel=0.02)
    # the aggregated posterior is standard normal in its first two moments, as the prior wants it
    moments = posterior.mean.T.cov() + torch.diag((posterior.sigma**2).mean(dim=0))
    torch.testing.assert_close(moments, torch.eye(6), atol=0.03, rtol=0)

    linear = (hidden @ torch.randn(6, 16 * 12)).reshape(4000, 16, 12) * 0.3
    pca.initialise(model, linear, nats=60.0)
    z = model.encoder.upper(linear).mean
    again = model.conductor(z)
    expected = torch.nn.functional.layer_norm(linear, (12,))
    assert float(((again - expected) ** 2).mean()) < 0.01

"""The numbers that the paper, its slides and IcGAN's authors published, as rows of the tables that they belong to.

They are of other sizes, other data or other attributes than what is measured here, so they say what is meant by a
column, and how the rows of the paper compare with each other.
"""

from __future__ import annotations

from vision.data.images import Dataset

Rows = dict[str, dict[str, float]]

TABLE_1: Rows = {  # CelebA at full size
    "paper: real test images": {"accuracy": 0.936, "precision": 0.901, "recall": 0.893, "f1": 0.895},
    "paper: lambda 0": {"accuracy": 0.942, "precision": 0.914, "recall": 0.904, "f1": 0.906, "z_mse": 80.7},
    "paper: small, lambda 0": {"accuracy": 0.926, "precision": 0.898, "recall": 0.860, "f1": 0.870, "z_mse": 58.9},
    "paper: lambda 0.1": {"accuracy": 0.928, "precision": 0.903, "recall": 0.863, "f1": 0.874, "z_mse": 17.0},
}
ICGAN: Rows = {  # Perarnau et al. 2016, in the same table; its 18 attributes are not listed anywhere
    "paper: real test images, 18 attributes": {"accuracy": 0.928, "f1": 0.715},
    "paper: IcGAN, 18 attributes": {"accuracy": 0.860, "f1": 0.524},
}
TABLE_4 = {  # CelebA at full size, by sigma_x^2, nats
    "1": {"log_likelihood": -11360, "kl": 30, "elbo": -11390},
    "0.1": {"log_likelihood": -11325, "kl": 150, "elbo": -11475},
    "0.01": {"log_likelihood": 15680, "kl": 600, "elbo": 15080},
    "0.001": {"log_likelihood": 16090, "kl": 1950, "elbo": 14140},
    "0.0001": {"log_likelihood": 16150, "kl": 3650, "elbo": 12500},
}
TABLE_4_DIMENSIONS = 3 * 64 * 64  # of an image
COVERAGE: Rows = {  # CIFAR-10, with Inception score and Frechet inception distance
    "slides: VAE": {"bits_per_dimension": 4.4, "inception_score": 2.0, "inception_frechet": 171.0},
    "slides: GAN": {"bits_per_dimension": 7.0, "inception_score": 6.8, "inception_frechet": 31.4},
    "slides: VAE-F": {"bits_per_dimension": 3.5, "inception_score": 3.0, "inception_frechet": 112.0},
    "slides: CQ": {"bits_per_dimension": 4.4, "inception_score": 5.1, "inception_frechet": 58.6},
    "slides: CQF": {"bits_per_dimension": 3.9, "inception_score": 7.1, "inception_frechet": 28.0},
    "slides: GAN, residual": {"inception_score": 7.4, "inception_frechet": 24.0},
    "slides: CQF, residual": {"bits_per_dimension": 3.84, "inception_score": 7.5, "inception_frechet": 26.0},
    "slides: CQF, residual, IAF": {"bits_per_dimension": 3.77, "inception_score": 7.9, "inception_frechet": 20.1},
    "slides: CQF, residual, IAF, large critic": {
        "bits_per_dimension": 3.74,
        "inception_score": 8.1,
        "inception_frechet": 18.6,
    },
    "slides: CQF, residual, IAF, two scales": {
        "bits_per_dimension": 3.48,
        "inception_score": 6.9,
        "inception_frechet": 28.9,
    },
}


def table_1(data: Dataset) -> Rows:
    """Return the rows of table 1, which is of attributes of faces; of classes there is none."""
    return {} if data.exclusive else {**TABLE_1, **ICGAN}


def table_4(data: Dataset) -> Rows:
    """Return the rows of table 4 where images have as many dimensions as the paper's."""
    channels, height, width = data.shape
    if channels * height * width != TABLE_4_DIMENSIONS:
        return {}
    return {f"paper: {square}": dict(row) for square, row in TABLE_4.items()}

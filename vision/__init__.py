"""The image experiments of Latent Constraints (MNIST, CelebA), built on melodylc.latent alone: to come."""

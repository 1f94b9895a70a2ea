"""The image experiments of Latent Constraints (Engel, Hoffman, Roberts 2017) on MNIST and CelebA.

Of melodylc it imports only `melodylc.latent` (actors, critics, losses) and `melodylc.base` (errors, storage, progress).
"""

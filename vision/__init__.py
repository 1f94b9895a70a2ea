"""The image experiments of Latent Constraints (Engel, Hoffman, Roberts 2017) on MNIST and CelebA.

Built on the actors and critics of `melodylc.latent`, and nothing else of melodylc.
"""

"""Actors and critics in a latent space, their losses and loops. Knows vectors and rewards, not what they mean."""

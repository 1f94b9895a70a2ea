"""Actors and critics in a latent space, their losses and loops. Knows vectors and rewards, never what they stand for."""

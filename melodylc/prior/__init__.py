"""The realistic prior: noise in, the latent vectors of melodies that could be real ones out."""

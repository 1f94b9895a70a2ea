"""Densities of a trained VAE's encodings, from which z is drawn in place of N(0, I): explicit ones (section 8)."""

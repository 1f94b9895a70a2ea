"""What moves vectors of the latent space so that the melodies they decode to keep what is asked."""

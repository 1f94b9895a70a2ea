"""The unconditional melody VAE: model, presets, training, decoding, metrics, and its weights on disk."""

"""The methods that the paper's is compared with. The latent AC-GAN is `AdversarialSettings(auxiliary=True)`."""

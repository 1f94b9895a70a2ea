"""What the method is compared with. The latent AC-GAN is `adversarial.AdversarialSettings(auxiliary=True)`."""

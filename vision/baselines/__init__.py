"""The methods that the paper's is compared with. The latent AC-GAN is `AdversarialSettings(auxiliary=True)`.

Those in pixels are `gan.Gan` and its kin, which one loop trains (`gan_training`); `systems` has them by name.
"""

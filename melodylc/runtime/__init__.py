"""The networks of a model in numpy, for where melodies are made and nothing is learned: torch is not imported.

They compute what `vae`, `latent.flow` and `prior.realistic` do, from the same files, and give the same melodies.
"""

"""Actors and critics in a latent space, their losses and how they are trained; it knows nothing of melodies or images.

Three loops draw, move, judge, descend, average and record: those of `rewards` and `adversarial`, and the conditional
actor's, which is not here since it knows attributes. What they share is the training kit: `optimisers`,
`gradient_steps`, `moving_average`, `replay_buffer`, `critics`, `distance_weight` and `stopping`.
"""

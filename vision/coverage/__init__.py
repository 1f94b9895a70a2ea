"""Coverage and quality driven training (Lucas et al. 2018): the model, its invertible last stage, and its training."""

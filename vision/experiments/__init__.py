"""The paper's tables and figures, a module each; what `run` returns is written as JSON beside its figure."""

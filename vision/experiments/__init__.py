"""The paper's tables and figures, one function each: what it returns is written as JSON beside its figure."""

"""The one error a user can cause: its text says what was expected, what came, and what to do."""


class UserError(ValueError):
    """Shown as one line on the command line, with exit code 2."""

"""The one error a user can cause: its text says what was expected, what came, and what to do."""

import errno

_OF_STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}


class UserError(ValueError):
    """Shown as one line on the command line, with exit code 2."""


def told(error: Exception) -> str:
    """Return what a command says of the error that it ends with: of the system's, what failed and where."""
    if not isinstance(error, OSError):
        return str(error)
    where = f": {error.filename}" if error.filename else ""
    advice = "; check the path, the permissions and the space left" if where or error.errno in _OF_STORAGE else ""
    return f"{error.strerror or error}{where}{advice}"

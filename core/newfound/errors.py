"""Every error that newfound raises on purpose, each with a stable code and the exit code of the command line.

NewfoundError                  1  internal
├── UsageError                 2  usage
│   ├── InvalidFilterError     2  invalid-filter
│   └── AlreadyExistsError     2  already-exists
├── InputRefusedError          3  input-refused
│   ├── SchemaError            3  schema
│   ├── RowError               3  bad-rows
│   └── TooLittleDataError     3  too-little-data
├── NotFoundError              4  not-found
├── BusyError                  5  busy
├── DamagedError               6  damaged
│   └── NewerFormatError       6  newer-format
├── QualityGateError           7  quality-gate
└── ResourceError              8  resources
"""

from __future__ import annotations

from typing import ClassVar


class NewfoundError(Exception):
    """Say what happened (`message`), where (`path`, with row and column inside the message) and what to do (`hint`)."""

    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "", path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path


class UsageError(NewfoundError):
    """A bad option, value, name or combination of them."""

    code = "usage"
    exit_code = 2


class InvalidFilterError(UsageError):
    """A filter expression that cannot be parsed or names an unknown field."""

    code = "invalid-filter"


class AlreadyExistsError(UsageError):
    """A name that is already taken with other settings."""

    code = "already-exists"


class InputRefusedError(NewfoundError):
    """A file or row that cannot be taken in; the project is unchanged."""

    code = "input-refused"
    exit_code = 3


class SchemaError(InputRefusedError):
    """A schema document that breaks a rule, or data that does not fit it."""

    code = "schema"


class RowError(InputRefusedError):
    """Rows with bad values; `rows` holds the first of them as (file, row, column, value, reason)."""

    code = "bad-rows"

    def __init__(
        self, message: str, hint: str = "", path: str = "", rows: list[dict[str, object]] | None = None
    ) -> None:
        super().__init__(message, hint, path)
        self.rows = rows or []


class TooLittleDataError(InputRefusedError):
    """Fewer interactions or users than training needs."""

    code = "too-little-data"


class NotFoundError(NewfoundError):
    """A path, name or version that does not exist."""

    code = "not-found"
    exit_code = 4


class BusyError(NewfoundError):
    """Another process holds the lock; trying again later is safe."""

    code = "busy"
    exit_code = 5


class DamagedError(NewfoundError):
    """A project file whose content is not what was written."""

    code = "damaged"
    exit_code = 6


class NewerFormatError(DamagedError):
    """A project written by a newer newfound."""

    code = "newer-format"


class QualityGateError(NewfoundError):
    """A quality gate that the user asked for was not met."""

    code = "quality-gate"
    exit_code = 7


class ResourceError(NewfoundError):
    """The disk is full, memory ran out, or permission is missing."""

    code = "resources"
    exit_code = 8

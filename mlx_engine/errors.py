"""What can go wrong in the engine, in words a person can act on.

    EngineError
    ├── BadRequest         the request itself makes no sense
    ├── ModelNotFound      no such model or folder
    ├── CheckpointError    files that are missing, damaged, or not gpt-oss
    ├── ContextOverflow    more tokens than the context holds
    └── OutOfMemory        the device can't hold what was asked

Every message is one line that names the thing and the remedy. `kind` crosses the process
boundary in an `error` event; the class does not.
"""

from typing import ClassVar


class EngineError(Exception):
    """Base of all errors that the engine reports to whoever drives it."""

    kind: ClassVar[str] = "engine"


class BadRequest(EngineError):
    kind: ClassVar[str] = "request"


class ModelNotFound(EngineError):
    kind: ClassVar[str] = "model"


class CheckpointError(EngineError):
    kind: ClassVar[str] = "checkpoint"


class ContextOverflow(EngineError):
    kind: ClassVar[str] = "context"


class OutOfMemory(EngineError):
    kind: ClassVar[str] = "memory"

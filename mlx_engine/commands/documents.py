"""JSON documents that commands read and write. Knows files, nothing of what they hold."""

import json
import sys
from pathlib import Path

from mlx_engine.errors import BadRequest


def read_json(name: str) -> object:
    """The JSON document in the file `name`; `-` is standard input. Raises BadRequest."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadRequest(f"{name!a} can't be read: {reason}.") from None
    try:
        return json.loads(data)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"{name!a} is not JSON: {error}.") from None
    except RecursionError:
        raise BadRequest(f"{name!a} is nested too deeply: flatten it.") from None
    except ValueError:  # Python's limit, which speaks of Python
        raise BadRequest(f"{name!a} holds a number of thousands of digits.") from None


def read_ids(name: str) -> list[int]:
    """Token ids: a JSON list of whole numbers, or {"ids": […]} as `render` writes it."""
    document = read_json(name)
    ids = document.get("ids") if isinstance(document, dict) else document
    if not isinstance(ids, list):
        raise BadRequest(f"{name!a} is not a JSON list of token ids.")
    for position, token in enumerate(ids):
        if type(token) is not int:
            raise BadRequest(f"{name!a}: entry {position} is no token id: {token!r:.40}.")
    return ids

"""Text that every part can carry: whole characters only.

Qt and JSON may hand over halves of a UTF-16 pair, which neither SQLite nor a terminal takes.
"""


def well_formed(text: str) -> str:
    """Pairs of surrogates become their character, lone ones U+FFFD; all else stays, NUL too."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def readable(text: str) -> str:
    """What can be asked: as `well_formed`, and NUL becomes U+FFFD too. Where `is_text` is False a
    person should hear of it."""
    return well_formed(text).replace("\0", "\ufffd")


def is_text(text: str) -> bool:
    """False where NUL or half a character is in it: something else was taken for text."""
    try:
        text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        return False
    return "\0" not in text

"""In which encoding a file's text is.

A mark at its beginning says so, or UTF-8 fits, or the text itself declares it, as HTML and Python
do; only then is it guessed from the letters, and the guess is told. Also tells text from other
bytes. Imports the guesser only when it has to guess.
"""

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO

from app.documents.reading.refused import Refused

HEAD = 1 << 16  # bytes that are looked at to tell what a file is
_CHUNK = 1 << 20
_SAMPLE = 1 << 15  # bytes of lines with letters beyond ASCII that a guess is made from
_FEW_LETTERS = 8  # beyond ASCII: too few to guess from
_MARKS = (  # UTF-32 first: its mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(
    rb"""<\?xml[^>]{0,60}encoding=["']([\w.:-]+)|<meta[^>]{0,80}charset=["']?([\w.:-]+)"""
    rb"""|^[ \t\f]*#.{0,80}?coding[:=][ \t]*([-\w.]+)|@charset "([\w.:-]+)\"""",
    re.IGNORECASE | re.MULTILINE,
)
# Encodings of Latin letters, each with the letters beyond ASCII of the languages written in it. One
# encoding's letters are letters in the others too, so only a whole alphabet tells them apart.
_WESTERN = "cp1252"
_WEST = (
    *("àâæçéèêëîïôœùûü", "äöüß", "áéíñóúü", "àáâãçéêíóôõú", "àèéìíòóùú", "æøåé", "äöåé", "éëïóè"),
    *("áðéíóúýþæö", "àçèéíïòóúü·"),
)
_LATIN = (
    (_WESTERN, _WEST),
    ("mac_roman", _WEST),
    ("cp1250", ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž")),
    ("iso8859_2", ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž")),
    ("cp1254", ("çğıöşüâî",)),
)
_SIGNS = re.compile(r"[\x00-\x7f€£§©«»°·–—‘’‚“”„…•\xa0¿¡ªº]+")
_OTHERS = [
    *("cp1251", "koi8_r", "cp866", "mac_cyrillic", "cp1253", "cp1255", "cp1256"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
]
# Bytes that text has no use for: controls but tab, line ends, form feed, backspace and escape.
_CONTROLS = bytes(b for b in range(32) if b not in b"\t\n\r\f\b\x1b\x0b\x1a")


@dataclass(frozen=True, slots=True)
class Encoding:
    name: str
    skip: int = 0  # bytes of the mark
    errors: str = "strict"
    note: str = ""  # what a person should know about it


def encoding_of(file: BinaryIO) -> Encoding:
    """Reads the file through where that is needed. Raises Refused for bytes that are no text."""
    file.seek(0)
    head = file.read(HEAD)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return _checked(file, Encoding(name, len(mark)))
    if wide := _unmarked_utf16(head):
        return _checked(file, Encoding(wide))
    if not _looks_like_text(head):
        raise Refused("is not text, and no kind of document that Sordino reads.")
    if _fits(file, "utf-8"):
        return Encoding("utf-8")
    if (declared := _declared(head)) and _fits(file, declared):
        return Encoding(declared)
    sample = _sample(file)
    if _is_damaged_utf8(sample):
        return Encoding("utf-8", errors="replace", note=_DAMAGED)
    return _guess(file, sample)


_DAMAGED = "Some of its bytes are no text; they are shown as \ufffd."


def _checked(file: BinaryIO, encoding: Encoding) -> Encoding:
    if _fits(file, encoding.name, encoding.skip):
        return encoding
    return Encoding(encoding.name, encoding.skip, "replace", _DAMAGED)


def _unmarked_utf16(head: bytes) -> str | None:
    """UTF-16 of Western text has a zero in every other byte."""
    pairs = len(head) // 2
    if pairs < 2:
        return None
    even, odd = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if odd > 0.7 * pairs and even < 0.05 * pairs:
        return "utf-16-le"
    if even > 0.7 * pairs and odd < 0.05 * pairs:
        return "utf-16-be"
    return None


def _looks_like_text(head: bytes) -> bool:
    """A stray control among many letters is let through; bytes of programs and pictures are
    full of them."""
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return controls <= len(head) // 500


def _fits(file: BinaryIO, encoding: str, skip: int = 0) -> bool:
    file.seek(skip)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _declared(head: bytes) -> str | None:
    """What the text says of itself in its first lines, if Python knows such an encoding."""
    start = head[:1024]
    found = _DECLARED.search(start)
    if not found:
        return None
    name = next(group for group in found.groups() if group).decode("ascii", "replace").lower()
    try:
        b"".decode(name)  # refuses what is no encoding of text
        name = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    # Western text is declared as Latin-1 and written in Windows-1252, so browsers read it so.
    name = _WESTERN if name in ("iso8859-1", "ascii") else name
    return None if name.startswith("utf-16") else name


def _sample(file: BinaryIO) -> bytes:
    """Lines with letters beyond ASCII: the others say nothing about the encoding."""
    file.seek(0)
    found = b""
    while len(found) < _SAMPLE and (line := file.readline(_SAMPLE)):
        if not line.isascii():
            found += line
    return found


def _is_damaged_utf8(sample: bytes) -> bool:
    text = sample.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    return broken * 20 < sum(character > "\x7f" for character in text)


def _guess(file: BinaryIO, sample: bytes) -> Encoding:
    name = _latin(sample)
    if name is None:
        from charset_normalizer import from_bytes

        best = from_bytes(sample, cp_isolation=_OTHERS).best()
        name = best.encoding if best else _WESTERN
    note = f"Its encoding is not stated; it was read as {name.replace('_', '-')}."
    return Encoding(name, errors="strict" if _fits(file, name) else "replace", note=note)


def _latin(sample: bytes) -> str | None:
    """The encoding in which the letters are those of one language; None where they are of none,
    and of many enough to tell."""
    is_short = sum(byte > 127 for byte in sample) < _FEW_LETTERS
    best, most = _WESTERN if is_short else None, 0.9
    for name, alphabets in _LATIN:
        letters = _SIGNS.sub("", sample.decode(name, "replace")).lower()
        for alphabet in alphabets:
            share = sum(map(letters.count, alphabet)) / max(1, len(letters))
            if share > most:
                best, most = name, share
    return best

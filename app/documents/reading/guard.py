"""Opens archives, in which office documents and e-books come, without trusting them.

Everything that can be refused is refused from the list of contents, before anything is unpacked;
what is then unpacked may not be more than the list said. XML may not declare entities: that is how
a short file grows without end, or names other files. Nothing is ever written to disk. Standard
library only.
"""

import contextlib
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Set
from typing import BinaryIO, cast
from xml.etree.ElementTree import Element, ParseError, XMLParser, XMLPullParser
from xml.parsers import expat

from app.documents.reading.refused import Refused

MOST_BYTES = 10**9  # of all contents unpacked, pictures and films as well
MOST_TEXT_BYTES = 1 << 28  # of XML: a book of 100,000 pages
MOST_ENTRIES = 20_000
MOST_RATIO = 100  # of unpacked to packed: office documents stay under 30, tables reach 60 …
SMALL = 1 << 22  # … but little can be packed as tight as it likes
_CHUNK = 1 << 16
_BROKEN_XML = (ParseError, expat.ExpatError, ValueError, LookupError)
_ARCHIVES = re.compile(r"\.(zip|jar|7z|rar|gz|tgz|bz2|xz|tar)$", re.IGNORECASE)

BOMB = (
    "unpacks to far more than a document holds ({} MB) and was not opened. "
    "If you trust it, save it anew in the program it came from."
)
DAMAGED = "is damaged: {}. Get it again, or save it anew in the program it came from."


class Archive:
    """A ZIP file that passed the guard."""

    def __init__(self, file: BinaryIO) -> None:
        """Raises Refused."""
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            raise Refused(
                "is cut off or damaged: its list of contents is missing. Get it again."
            ) from None
        entries = self._zip.infolist()
        _check(entries)
        self._entries = {entry.filename: entry for entry in entries}
        self.unpacked = 0  # bytes so far

    @property
    def names(self) -> list[str]:
        return list(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def size(self, name: str) -> int:
        return self._entries[name].file_size

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of an entry, piece by piece. Raises Refused where they are not as listed, and
        KeyError where there is no such entry."""
        entry = self._entries[name]
        try:
            with self._zip.open(entry) as part:
                while chunk := part.read(_CHUNK):
                    self.unpacked += len(chunk)
                    if self.unpacked > MOST_TEXT_BYTES:
                        raise Refused(BOMB.format(f"over {self.unpacked >> 20:,}"))
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise Refused(DAMAGED.format(f"{posixpath.basename(name)} can't be unpacked")) from (
                error
            )

    def read(self, name: str) -> bytes:
        return b"".join(self.chunks(name))

    def elements(self, name: str, names: Set[str]) -> Iterator[Element]:
        """The outermost elements of these names in an XML entry, whatever their namespace, one
        after another, each with all that is in it; what was passed is forgotten. Raises Refused
        for XML that is damaged or declares entities."""
        watch = _EntityWatch()
        parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
        depth, parents = 0, list[Element]()
        try:
            for chunk in self.chunks(name):
                watch.feed(chunk)
                parser.feed(chunk)
                for event, element in cast("Iterator[tuple[str, Element]]", parser.read_events()):
                    if event == "start":
                        depth += local(element.tag) in names
                        parents.append(element)
                        continue
                    parents.pop()
                    if local(element.tag) in names:
                        depth -= 1
                        if depth == 0:
                            yield element
                    if depth == 0 and parents:
                        parents[-1].remove(element)
            parser.close()
        except _BROKEN_XML:
            raise Refused(DAMAGED.format(f"{posixpath.basename(name)} is broken")) from None

    def refuse_entities(self) -> None:
        """For libraries that parse the XML themselves."""
        for name in self.names:
            if name.endswith((".xml", ".rels", ".vml")):
                watch = _EntityWatch()
                with contextlib.suppress(expat.ExpatError):  # the library will say so
                    for chunk in self.chunks(name):
                        watch.feed(chunk)
                        if watch.has_started:
                            break

    def tree(self, name: str) -> Element:
        """The root of an XML entry, for entries that are small. Raises as `elements` does."""
        watch, parser = _EntityWatch(), XMLParser()
        try:
            for chunk in self.chunks(name):
                watch.feed(chunk)
                parser.feed(chunk)
            return parser.close()
        except _BROKEN_XML:
            raise Refused(DAMAGED.format(f"{posixpath.basename(name)} is broken")) from None


def local(name: str) -> str:
    """A tag or attribute without its namespace: that of strict files differs from the usual."""
    return name.rpartition("}")[2]


class _EntityWatch:
    """Reads along up to the first element: only before it can entities be declared."""

    def __init__(self) -> None:
        self._parser: expat.XMLParserType | None = expat.ParserCreate()
        self._parser.EntityDeclHandler = self._refuse
        self._parser.StartElementHandler = self._started
        self.has_started = False

    def feed(self, chunk: bytes) -> None:
        if not self.has_started and self._parser is not None:
            self._parser.Parse(chunk, False)
        else:
            self._parser = None

    def _started(self, *_: object) -> None:
        self.has_started = True

    @staticmethod
    def _refuse(*_: object) -> None:
        raise Refused(
            "declares entities, which can name other files or grow without end, and was not "
            "opened. If you trust it, save it anew in the program it came from."
        )


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MOST_ENTRIES:
        raise Refused(f"holds {len(entries):,} files and was not opened. Save it anew.")
    total = sum(entry.file_size for entry in entries)
    text = sum(entry.file_size for entry in entries if entry.filename.endswith(".xml"))
    if total > MOST_BYTES or text > MOST_TEXT_BYTES:
        raise Refused(BOMB.format(f"{total / 1e6:,.0f}"))
    for entry in entries:
        name = entry.filename
        if _leaves_archive(name) or _leaves_archive(entry.orig_filename):
            raise Refused(
                "holds a file whose name points outside of it and was not opened. "
                "Don't trust where it came from."
            )
        if entry.file_size > max(SMALL, MOST_RATIO * entry.compress_size):
            raise Refused(BOMB.format(f"{total / 1e6:,.0f}"))
        if _ARCHIVES.search(name) and "/embeddings/" not in f"/{name}":
            raise Refused(
                "holds another archive and was not opened. Take out what you want to ask about."
            )
        if entry.flag_bits & 1:
            raise Refused("is protected with a password. Save it without one and attach that.")


def _leaves_archive(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or name.startswith(("/", "\\")) or (len(name) > 1 and name[1] == ":")

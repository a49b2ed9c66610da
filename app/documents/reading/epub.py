"""E-books (EPUB 2 and 3): each chapter a page, in the order in which the book is read. Standard
library only."""

import posixpath
from typing import BinaryIO
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from app.documents.reading.guard import Archive, local
from app.documents.reading.html import write_html
from app.documents.reading.output import Output
from app.documents.reading.refused import Refused

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_NO_BOOK = "is damaged: its list of chapters is missing. Get it again."


def read_epub(file: BinaryIO, out: Output) -> None:
    """Raises Refused for a book that is protected or damaged."""
    archive = Archive(file)
    package = _package(archive)
    folder = posixpath.dirname(package)
    root = archive.tree(package)
    items = {
        element.get("id", ""): element for element in root.iter() if local(element.tag) == "item"
    }
    spine = [element for element in root.iter() if local(element.tag) == "itemref"]
    chapters = []
    for reference in spine:
        item = items.get(reference.get("idref", ""))
        if item is not None and "html" in item.get("media-type", "html"):
            chapters.append(_inside(folder, item.get("href", "")))
    if not chapters:
        raise Refused(_NO_BOOK)
    locked = _encrypted(archive)
    if locked.intersection(chapters):
        raise Refused("is protected against copying, so its text can't be read.")
    titles = _titles(archive, folder, root)
    missing = 0
    for number, chapter in enumerate(chapters, 1):
        if chapter not in archive:
            missing += 1
            continue
        out.page(titles.get(chapter, ""))
        markup = archive.read(chapter)
        write_html([markup.decode(_encoding(markup), "replace")], out, with_title=False)
        out.progress(number, len(chapters))
    if missing:
        out.note(f"{missing} of its {len(chapters)} chapters are not in the file.")


def _package(archive: Archive) -> str:
    if _CONTAINER not in archive:
        raise Refused(_NO_BOOK)
    for element in archive.tree(_CONTAINER).iter():
        path = element.get("full-path", "")
        if local(element.tag) == "rootfile" and path in archive:
            return path
    raise Refused(_NO_BOOK)


def _inside(folder: str, reference: str) -> str:
    """The entry that a reference names, without the place in it."""
    path = unquote(reference.partition("#")[0])
    return posixpath.normpath(posixpath.join("/", folder, path))[1:]


def _encrypted(archive: Archive) -> set[str]:
    """Fonts often are, chapters only where the book is protected."""
    if _ENCRYPTION not in archive:
        return set()
    references = archive.tree(_ENCRYPTION).iter()
    return {unquote(e.get("URI", "")) for e in references if local(e.tag) == "CipherReference"}


def _titles(archive: Archive, folder: str, root: Element) -> dict[str, str]:
    """Chapter → its title in the book's table of contents: EPUB 3's page or EPUB 2's list."""
    found: dict[str, str] = {}
    for item in (e for e in root.iter() if local(e.tag) == "item"):
        is_page = "nav" in item.get("properties", "").split()
        is_list = item.get("media-type") == "application/x-dtbncx+xml"
        contents = _inside(folder, item.get("href", ""))
        if not (is_page or is_list) or contents not in archive:
            continue
        beside = posixpath.dirname(contents)
        for entry in archive.tree(contents).iter():
            if is_page and local(entry.tag) == "a":
                reference, title = entry.get("href", ""), "".join(entry.itertext())
            elif is_list and local(entry.tag) == "navPoint":
                reference = next((e.get("src", "") for e in entry if local(e.tag) == "content"), "")
                label = next((e for e in entry if local(e.tag) == "navLabel"), None)
                title = "" if label is None else "".join(label.itertext())
            else:
                continue
            found.setdefault(_inside(beside, reference), " ".join(title.split()))
    return found


def _encoding(markup: bytes) -> str:
    """EPUB allows UTF-8 and UTF-16."""
    return "utf-16" if markup.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"

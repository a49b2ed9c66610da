"""Documents made by code, and a reader that runs in the test's own process."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.documents.document import Document
from app.documents.reading.output import Output
from app.documents.reading.process import Received
from app.documents.reading.read import read

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WORD_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"


def read_here(path: Path) -> Document:
    """Without a process of its own. Raises Refused."""
    received = Received()

    def send(message: dict[str, Any]) -> None:
        if "progress" not in message:
            received.take(message)

    read(path, path.name, Output(send))
    return received.document(path.name)


def texts(document: Document, page: int = 0) -> list[str]:
    return [line.text for line in document.pages[page].lines]


def shown(*pieces: tuple[float, float, str]) -> bytes:
    """What draws each text with its left end at a place of the page."""
    return b"".join(
        b"BT /F 10 Tf %g %g Td (%s) Tj ET\n" % (x, y, text.encode("cp1252"))
        for x, y, text in pieces
    )


def pdf(
    contents: Sequence[bytes],
    *,
    page: str = "",
    catalog: str = "",
    more: Sequence[str] = (),
    encrypted: bool = False,
) -> bytes:
    """A PDF with a page for each content. `page` and `catalog` go into their dictionaries; `more`
    are objects, numbered on from those of the pages: 4 + 2 × pages."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(contents)))
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>".encode(),
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, content in enumerate(contents):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R "
            f"/Resources << /Font << /F 3 0 R >> >> {page} >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%sendstream" % (len(content), content))
    objects += [content.encode() for content in more]
    data, places = bytearray(b"%PDF-1.7\n"), []
    for index, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (index, content)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    locked = b""
    if encrypted:
        keys = b"/O <%s> /U <%s>" % (b"11" * 32, b"22" * 32)
        locked = b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 %s >> /ID [<00> <00>]" % keys
    return bytes(data) + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R %s >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (size, rows, size, locked, len(data))
    )


def archive(entries: Mapping[str, str | bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def relations(targets: Mapping[str, str]) -> str:
    """A part of relationships: kind → target; the ids are the kinds."""
    rows = "".join(
        f'<Relationship Id="{kind}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{_RELATIONS}">{rows}</Relationships>'


def docx(body: str, parts: Mapping[str, str] | None = None, prologue: str = "") -> bytes:
    """A Word document of that body; `parts`: kind → XML of another part, without its root."""
    others = {
        kind: f'<w:{kind} xmlns:w="{WORD}">{xml}</w:{kind}>' for kind, xml in (parts or {}).items()
    }
    root = f'{prologue}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'
    override = f'<Override PartName="/word/document.xml" ContentType="{_WORD_TYPE}"/>'
    return archive(
        {
            "[Content_Types].xml": f'<Types xmlns="{_TYPES}">{override}</Types>',
            "_rels/.rels": relations({"officeDocument": "word/document.xml"}),
            "word/document.xml": root,
            "word/_rels/document.xml.rels": relations({kind: f"{kind}.xml" for kind in others}),
            **{f"word/{kind}.xml": xml for kind, xml in others.items()},
        }
    )


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def epub(
    chapters: Mapping[str, str], contents: str = "", more: Mapping[str, str] | None = None
) -> bytes:
    """An e-book; `contents`: the list of an EPUB 3 navigation page."""
    items = "".join(
        f'<item id="c{i}" href="{name}" media-type="application/xhtml+xml"/>'
        for i, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{i}"/>' for i in range(len(chapters)))
    navigation = (
        '<item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
    )
    package = (
        f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{items}{navigation}</manifest>'
        f"<spine>{spine}</spine></package>"
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="book/package.opf"/></rootfiles></container>'
    )
    nav = f'<html xmlns="http://www.w3.org/1999/xhtml"><body><nav>{contents}</nav></body></html>'
    return archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "book/package.opf": package,
            "book/nav.xhtml": nav,
            **{f"book/{name}": text for name, text in chapters.items()},
            **(more or {}),
        }
    )

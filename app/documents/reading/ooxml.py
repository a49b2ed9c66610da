"""What Word's, Excel's and PowerPoint's files have in common: parts in an archive that name each
other by relationships (ECMA-376, part 2)."""

import posixpath
from xml.etree.ElementTree import Element

from app.documents.reading.guard import DAMAGED, Archive, local
from app.documents.reading.refused import Refused

_RELATIONSHIPS = "{http://schemas.openxmlformats.org/package/2006/relationships}"


def content_types(archive: Archive) -> str:
    """All content types that the package names, in one string."""
    root = archive.tree("[Content_Types].xml")
    return " ".join(element.get("ContentType", "") for element in root)


def related(archive: Archive, part: str) -> dict[str, tuple[str, str]]:
    """What a part names: id → (the last word of the relationship's type, the other part's name).
    "" is the package itself. What lies outside of the archive is left out."""
    folder, name = posixpath.split(part)
    listing = posixpath.join(folder, "_rels", f"{name}.rels")
    if listing not in archive:
        return {}
    found = {}
    for element in archive.tree(listing).iter(f"{_RELATIONSHIPS}Relationship"):
        if element.get("TargetMode") == "External":
            continue
        target = posixpath.normpath(posixpath.join("/", folder, element.get("Target", "")))[1:]
        if target in archive:
            kind = element.get("Type", "").rsplit("/", 1)[-1]
            found[element.get("Id", "")] = (kind, target)
    return found


def main_part(archive: Archive) -> str:
    """The part that all others hang on. Raises Refused where it is missing."""
    for kind, target in related(archive, "").values():
        if kind == "officeDocument":
            return target
    raise Refused(DAMAGED.format("its main part is missing"))


def attribute(element: Element, name: str) -> str | None:
    """An attribute by its name without namespace."""
    return next((value for key, value in element.items() if local(key) == name), None)

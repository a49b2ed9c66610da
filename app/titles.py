"""A chat's first title: the first words of its first question, without asking a model."""

import re

LENGTH = 48  # characters: about the width of the sidebar
UNTITLED = "New chat"


def title_from(text: str) -> str:
    """One line of at most `LENGTH` characters, cut between words where there are any."""
    line = next((line for line in map(_plain, text.splitlines()) if line), "")
    if len(line) <= LENGTH:
        return line or UNTITLED
    cut = line[: LENGTH - 1]
    words = cut.rpartition(" ")[0] if not line[LENGTH - 1].isspace() else cut
    return (words if len(words) > LENGTH // 2 else cut).rstrip(" ,;:.–—-") + "…"


def _plain(line: str) -> str:
    """Without Markdown's marks at the beginning and without control characters."""
    printable = "".join(c if c.isprintable() else " " for c in line)
    return " ".join(re.sub(r"^[\s#>*`~-]+", "", printable).split())

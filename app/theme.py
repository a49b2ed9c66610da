"""The look in numbers: colours, type and distances, light and dark. Widgets read it, never invent.

Nothing here draws or knows a widget. Colours are "#rrggbb"; every text colour has a contrast of at
least 4.5:1 on each surface it is used on (WCAG 2.2, 1.4.3), and a test holds it to that.
"""

from dataclasses import dataclass
from typing import Literal

Appearance = Literal["system", "light", "dark"]

GRID = 8  # px; every distance is a multiple, or half of it
COLUMN_WIDTH = 720  # px, the widest a line of reading may be
SIDEBAR_WIDTH = 240  # px
TEXT_SIZE = 15  # px, the reader's default; code is drawn at 13/15 of the text
LINE_HEIGHT = 1.5
RADIUS = 10  # px, corners of fields and bubbles

# The system's own faces first; on Linux whatever good face is installed.
TEXT_FACES = (".AppleSystemUIFont", "Inter", "Cantarell", "DejaVu Sans")
CODE_FACES = ("SF Mono", "Menlo", "JetBrains Mono", "DejaVu Sans Mono")


@dataclass(frozen=True, slots=True)
class Theme:
    """One appearance."""

    is_dark: bool
    page: str  # behind the conversation
    sidebar: str
    raised: str  # composer, menus, cards
    bubble: str  # a person's own words
    code: str  # behind code
    hover: str  # under the pointer
    selected: str  # the chosen row
    hairline: str
    text: str
    quiet: str  # secondary text: timers, captions, the status line
    accent: str  # links, focus, the slider, send
    on_accent: str
    danger: str
    notice: str  # behind a banner
    highlight: str  # behind text that was looked for
    pygments_style: str


LIGHT = Theme(
    is_dark=False,
    page="#ffffff",
    sidebar="#f5f5f6",
    raised="#ffffff",
    bubble="#f0f0f2",
    code="#f6f6f7",
    hover="#ececee",
    selected="#e4e4e7",
    hairline="#e2e2e5",
    text="#1d1d1f",
    quiet="#626268",
    accent="#1a7468",
    on_accent="#ffffff",
    danger="#b3261e",
    notice="#fbf5e6",
    highlight="#ffe9a8",
    pygments_style="xcode",
)

DARK = Theme(
    is_dark=True,
    page="#1e1e20",
    sidebar="#19191b",
    raised="#28282b",
    bubble="#2e2e32",
    code="#27272a",
    hover="#2b2b2e",
    selected="#37373b",
    hairline="#37373b",
    text="#ececee",
    quiet="#a6a6ad",
    accent="#63c7b8",
    on_accent="#06231f",
    danger="#ff8a80",
    notice="#332d1d",
    highlight="#5f4d16",
    pygments_style="github-dark",
)


def theme_for(appearance: Appearance, *, system_is_dark: bool) -> Theme:
    """The theme that a setting asks for, given what the system shows."""
    is_dark = system_is_dark if appearance == "system" else appearance == "dark"
    return DARK if is_dark else LIGHT


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two "#rrggbb" colours, 1 … 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

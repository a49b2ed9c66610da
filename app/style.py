"""The Qt side of the look: fonts, palette and style sheet, all built from a Theme and a text size.

Widgets carry an `objectName` or a `kind` property; this is the one place that says how each looks.
"""

import sys

from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QWidget

from app.theme import CODE_FACES, GRID, RADIUS, TEXT_FACES, TEXT_SIZE, Theme


def text_font(pixels: int, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The system's text face."""
    font = QFont(list(TEXT_FACES))
    font.setPixelSize(pixels)
    font.setWeight(weight)
    return font


def code_font(pixels: int) -> QFont:
    """The system's monospaced face."""
    font = QFont(list(CODE_FACES))
    font.setPixelSize(pixels)
    font.setFeature(QFont.Tag("calt"), 0)  # two hyphens stay two hyphens
    return font


def control_size(text_size: int) -> int:
    """Pixels of text in lists, buttons and menus: 13 beside the reader's 15, as on a Mac."""
    return round(text_size * 13 / TEXT_SIZE)


def caption_size(text_size: int) -> int:
    """Pixels of the smallest text: group headings, the status line."""
    return max(10, round(text_size * 12 / TEXT_SIZE))


def icon_size(text_size: int) -> int:
    """Pixels of an icon beside words."""
    return round(text_size * 16 / TEXT_SIZE)


def palette(theme: Theme) -> QPalette:
    """What Qt's own drawing (selection, carets, menus, placeholder text) takes its colours from."""
    result = QPalette()
    role = QPalette.ColorRole
    for colours, name in (
        ((role.Window, role.Base), theme.page),
        ((role.AlternateBase, role.ToolTipBase, role.Button), theme.raised),
        ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText), theme.text),
        ((role.PlaceholderText,), theme.quiet),
        ((role.Accent, role.Link, role.LinkVisited), theme.accent),
        ((role.Highlight,), selection(theme)),
        ((role.HighlightedText,), theme.text),
        ((role.Mid, role.Midlight, role.Dark, role.Light), theme.hairline),
    ):
        for colour in colours:
            result.setColor(colour, QColor(name))
    for faint in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, faint, QColor(theme.quiet))
    return result


def selection(theme: Theme) -> str:
    """Behind selected text: the accent, thin enough that text stays readable on it."""
    return blend(theme.accent, theme.page, 0.28)


def blend(over: str, under: str, share: float) -> str:
    """`share` of the colour `over` on `under`, all "#rrggbb"."""
    first, second = (bytes.fromhex(colour.removeprefix("#")) for colour in (over, under))
    mixed = (round(a * share + b * (1 - share)) for a, b in zip(first, second, strict=True))
    return "#" + bytes(mixed).hex()


def set_kind(widget: QWidget, kind: str) -> None:
    """Changes which rules of the style sheet a widget gets, at once."""
    widget.setProperty("kind", kind)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def stylesheet(theme: Theme, text_size: int, *, is_mac: bool = sys.platform == "darwin") -> str:
    """Everything of ours that Qt draws. Sizes follow the reader's text size. A Mac's own menus,
    tooltips and scroll bars are better than any of ours."""
    rules = _controls(theme, text_size)
    return rules if is_mac else rules + _like_a_mac(theme, text_size)


def _controls(theme: Theme, text_size: int) -> str:
    t = theme
    control, caption = control_size(text_size), caption_size(text_size)
    return f"""
#page, #transcriptPage {{ background: {t.page}; }}
#sidebar {{ background: {t.sidebar}; border-right: 1px solid {t.hairline}; }}
#header {{ background: {t.page}; border-bottom: 1px solid {t.hairline}; }}

QPushButton[kind="flat"], QToolButton[kind="flat"] {{
    background: transparent; border: 1px solid transparent; border-radius: 7px;
    padding: 5px 8px; color: {t.text}; font-size: {control}px; text-align: left;
}}
QPushButton[kind="flat"]:hover, QToolButton[kind="flat"]:hover {{ background: {t.hover}; }}
QPushButton[kind="flat"]:pressed, QToolButton[kind="flat"]:pressed,
QPushButton[kind="flat"]:open {{ background: {t.selected}; }}
QPushButton[kind="flat"]:disabled {{ color: {t.quiet}; }}
QPushButton[kind="flat"]:focus, QToolButton[kind="flat"]:focus,
QPushButton[kind="plain"]:focus, QPushButton[kind="primary"]:focus,
QPushButton[kind="segment"]:focus {{ border: 1px solid {t.accent}; }}
QPushButton[kind="flat"]::menu-indicator {{ image: none; width: 0; }}
#modelMenu {{ font-size: {text_size}px; font-weight: 600; padding: 5px 6px 5px 10px; }}

QPushButton[kind="plain"] {{
    background: {t.raised}; border: 1px solid {t.hairline}; border-radius: 7px;
    padding: 6px 14px; color: {t.text}; font-size: {control}px;
}}
QPushButton[kind="plain"]:hover {{ background: {t.hover}; }}
QPushButton[kind="plain"]:pressed {{ background: {t.selected}; }}
QPushButton[kind="plain"]:disabled {{ color: {t.quiet}; }}
QPushButton[kind="plain"]::menu-indicator {{ image: none; width: 0; }}
QPushButton[kind="primary"] {{
    background: {t.accent}; border: 1px solid {t.accent}; border-radius: 7px;
    padding: 6px 14px; color: {t.on_accent}; font-size: {control}px; font-weight: 600;
}}
QPushButton[kind="primary"]:focus {{
    border: 2px solid {blend(t.text, t.accent, 0.4)}; padding: 5px 13px;
}}
QPushButton[kind="primary"]:pressed {{ background: {blend(t.text, t.accent, 0.15)}; }}
QPushButton[kind="link"] {{
    background: transparent; border: 1px solid transparent; border-radius: 5px;
    padding: 3px 6px; color: {t.accent}; font-size: {control}px; font-weight: 600;
}}
QPushButton[kind="link"]:hover {{ background: {blend(t.text, t.notice, 0.07)}; }}
QPushButton[kind="link"]:focus {{ border: 1px solid {t.accent}; }}
QPushButton[kind="segment"] {{
    background: transparent; border: 1px solid transparent; border-radius: 6px;
    padding: 4px 14px; color: {t.text}; font-size: {control}px;
}}
QPushButton[kind="segment"]:hover {{ background: {t.hover}; }}
QPushButton[kind="segment"]:checked {{
    background: {t.raised if not t.is_dark else t.selected}; border: 1px solid {t.hairline};
    font-weight: 600;
}}
QPushButton[kind="segment"]:checked:focus {{ border: 1px solid {t.accent}; }}
#segments {{ background: {t.code}; border: 1px solid {t.hairline}; border-radius: 8px; }}

#send {{ background: {t.accent}; border: 2px solid {t.accent}; border-radius: 16px; }}
#send:hover {{ background: {blend(t.text, t.accent, 0.12)};
    border-color: {blend(t.text, t.accent, 0.12)}; }}
#send:disabled {{ background: {t.selected}; border-color: {t.selected}; }}
#send[kind="stop"] {{ background: {t.text}; border-color: {t.text}; }}
#send:focus {{ border-color: {blend(t.text, t.accent, 0.45)}; }}
#attach {{ border-radius: 16px; padding: 0; }}

#composer {{
    background: {t.raised}; border: 1px solid {t.hairline}; border-radius: {RADIUS + 6}px;
}}
#composer[kind="focused"] {{ border: 1px solid {blend(t.text, t.hairline, 0.22)}; }}
#composer QTextEdit {{
    background: transparent; border: none; font-size: {text_size}px; color: {t.text};
    placeholder-text-color: {t.quiet};
}}
#chip {{ background: {t.bubble}; border-radius: 8px; }}
#chip QLabel {{ font-size: {caption}px; color: {t.text}; }}

QLineEdit, QPlainTextEdit {{
    background: {t.raised}; border: 1px solid {t.hairline}; border-radius: 7px;
    padding: 5px 8px; color: {t.text}; font-size: {control}px;
    selection-background-color: {selection(t)}; selection-color: {t.text};
    placeholder-text-color: {t.quiet};
}}
QLineEdit:focus, QPlainTextEdit:focus {{
    border: 1px solid {t.accent};
}}
#search {{ background: {blend(t.text, t.sidebar, 0.06)}; border: 1px solid transparent;
    padding-left: 2px; }}
#search:focus {{ background: {t.raised}; border: 1px solid {t.accent}; }}
#chatList {{ background: transparent; border: none; outline: none; font-size: {control}px; }}
#chatList QLineEdit {{ padding: 0 5px; border-radius: 5px; }}

QLabel[kind="quiet"] {{ color: {t.quiet}; font-size: {control}px; }}
QLabel[kind="caption"] {{ color: {t.quiet}; font-size: {caption}px; }}
QLabel[kind="heading"] {{ color: {t.text}; font-size: {control}px; font-weight: 600; }}
QLabel[kind="title"] {{ color: {t.text}; font-size: {text_size + 2}px; font-weight: 600; }}
QLabel[kind="sentence"] {{ color: {t.text}; font-size: {round(text_size * 1.47)}px;
    font-weight: 600; }}
QLabel[kind="text"], QCheckBox {{ color: {t.text}; font-size: {control}px; }}
QFrame[kind="hairline"] {{ background: {t.hairline}; border: none; }}

#example {{
    background: transparent; border: 1px solid transparent; border-radius: 8px;
    color: {t.text}; font-size: {text_size}px; text-align: left; padding: 11px 12px;
}}
#example:hover {{ background: {t.hover}; }}
#example:focus {{ border: 1px solid {t.accent}; }}

#banner {{ background: {t.notice}; border-radius: {RADIUS}px; margin-top: {GRID}px; }}
#banner QLabel {{ color: {t.text}; font-size: {control}px; }}
#notice {{ background: {t.raised}; border: 1px solid {t.hairline}; border-radius: {RADIUS}px; }}
#notice QLabel {{ color: {t.text}; font-size: {control}px; }}

QDialog {{ background: {t.page}; }}
#command {{ background: {t.code}; border: 1px solid {t.hairline}; border-radius: 8px; }}
#command QLabel {{ color: {t.text}; font-size: {caption}px; }}

NumberRow QSlider {{ min-height: 20px; }}
QSlider::groove:horizontal {{ height: 4px; border-radius: 2px; background: {t.selected}; }}
QSlider::sub-page:horizontal {{ height: 4px; border-radius: 2px; background: {t.accent}; }}
QSlider::handle:horizontal {{
    width: 14px; height: 14px; margin: -6px 0; border-radius: 8px;
    background: {t.text if t.is_dark else t.raised};
    border: 1px solid {blend(t.text, t.hairline, 0.25)};
}}
QSlider::handle:horizontal:focus {{ border: 1px solid {t.accent}; }}
"""


def _like_a_mac(theme: Theme, text_size: int) -> str:
    t = theme
    control, caption = control_size(text_size), caption_size(text_size)
    return f"""
QMenu {{
    background: {t.raised}; border: 1px solid {t.hairline}; padding: 5px; color: {t.text};
    font-size: {control}px;
}}
QMenu::item {{ padding: 5px 20px 5px 10px; border-radius: 5px; }}
QMenu::item:selected {{ background: {t.selected}; }}
QMenu::item:disabled {{ color: {t.quiet}; }}
QMenu::separator {{ height: 1px; background: {t.hairline}; margin: 5px 8px; }}
QMenu::icon {{ padding-left: 6px; }}
QMenuBar {{ background: {t.page}; color: {t.text}; font-size: {control}px; padding: 2px 6px; }}
QMenuBar::item {{ padding: 3px 8px; border-radius: 5px; background: transparent; }}
QMenuBar::item:selected {{ background: {t.hover}; }}
QToolTip {{
    background: {t.raised}; color: {t.text}; border: 1px solid {t.hairline};
    padding: 3px 6px; font-size: {caption}px;
}}

QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{
    background: {blend(t.text, t.page, 0.2)}; border-radius: 3px; margin: 2px;
}}
QScrollBar::handle:vertical {{ min-height: 32px; }}
QScrollBar::handle:horizontal {{ min-width: 32px; }}
QScrollBar::handle:hover {{ background: {blend(t.text, t.page, 0.35)}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
"""

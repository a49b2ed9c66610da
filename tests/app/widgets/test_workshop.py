"""What is made beside the window's thread."""

import subprocess
import sys
import threading

from pytestqt.qtbot import QtBot

from app.widgets.page.maths import FormulaKey
from app.widgets.page.workshop import Workshop

# Quits while formulas are still being drawn, as a person may.
QUITTING = r"""
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from app.widgets.page.maths import FormulaKey
from app.widgets.page.workshop import Workshop
app = QApplication([])
workshop = Workshop()
for n in range(400):
    workshop.formula(FormulaKey(rf"\frac{{a_{n}}}{{b}}", 15.0, False))
workshop.finished.connect(app.quit)
app.exec()
"""


def test_things_are_made_elsewhere_and_delivered_here(qtbot: QtBot) -> None:
    workshop = Workshop()
    seen: list[object] = []
    with qtbot.waitSignal(workshop.finished, timeout=10_000) as finished:
        workshop.order("a", threading.get_ident, seen.append)
        workshop.order("a", lambda: None, seen.append)  # under way already
    assert finished.args == ["a"]
    assert len(seen) == 1 and seen[0] != threading.get_ident()
    assert workshop.is_idle


def test_a_formula_is_drawn_once(qtbot: QtBot) -> None:
    workshop = Workshop()
    key = FormulaKey("x", 15.0, False)
    with qtbot.waitSignal(workshop.finished, timeout=20_000):
        assert workshop.formula(key) is None
    drawn = workshop.formula(key)
    assert drawn is not None and workshop.formula(key) is drawn
    assert workshop.is_idle


def test_what_can_not_be_drawn_is_not_asked_for_again(qtbot: QtBot) -> None:
    workshop = Workshop()
    key = FormulaKey(r"\frac{", 15.0, False)
    with qtbot.waitSignal(workshop.finished, timeout=20_000):
        workshop.formula(key)
    assert workshop.is_hopeless(key) and workshop.formula(key) is None
    assert workshop.is_idle


def test_the_app_may_quit_while_something_is_being_made() -> None:
    done = subprocess.run([sys.executable, "-c", QUITTING], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")

"""How to get a model that is not on this machine: its size, the memory it wants, the command.

Nothing is fetched here; the person runs the command, or points at a folder.
"""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.amounts import bytes_in_words
from app.style import caption_size, code_font
from app.theme import GRID, TEXT_SIZE, Theme
from app.widgets.icons import icon
from app.widgets.labels import label
from app.windows.fitted_dialog import FittedDialog
from mlx_engine.protocol import ModelChoice

# What a Mac needs to hold the weights, a context and everything else that runs.
MEMORY_WANTED = {"20b": "24 GB or more", "120b": "96 GB or more"}


class GetModelSheet(FittedDialog):
    folder_requested = Signal()
    look_again_requested = Signal()

    def __init__(self, choice: ModelChoice, parent: QWidget | None = None) -> None:
        super().__init__(560, parent)
        self.choice = choice
        self.setWindowTitle(f"Get {choice.name}")
        self.setWindowModality(Qt.WindowModality.WindowModal)  # a sheet, on a Mac

        title = label(f"{choice.name} is not on this Mac yet", "title", wraps=True)
        about = label(
            "OpenAI publishes it with open weights on Hugging Face. Paste this command into "
            "Terminal; it fetches the files once, and Sordino finds them by itself.",
            "text",
            wraps=True,
        )
        facts = QGridLayout()
        facts.setHorizontalSpacing(2 * GRID)
        facts.setVerticalSpacing(GRID // 2)
        facts.setColumnStretch(1, 1)
        for row, (name, value) in enumerate(
            (
                ("Download", bytes_in_words(choice.checkpoint_bytes)),
                ("Memory", f"A Mac with {MEMORY_WANTED.get(choice.key, 'enough memory')}"),
                ("Licence", "Apache 2.0, free"),
            )
        ):
            for column, words in enumerate((name, value)):
                facts.addWidget(label(words, "text" if column else "quiet"), row, column)

        self.command = (
            f'hf download openai/{choice.name} \\\n  --exclude "original/*" --exclude "metal/*"'
        )
        box = QFrame()
        box.setObjectName("command")
        shown = label(self.command, "")
        shown.setFont(code_font(caption_size(TEXT_SIZE)))
        shown.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        shown.setAccessibleName("Command")
        self.copy = QPushButton("Copy")
        self.copy.setProperty("kind", "flat")
        inside = QHBoxLayout(box)
        inside.setContentsMargins(GRID + 4, GRID // 2, GRID // 2, GRID // 2)
        inside.addWidget(shown, 1)
        inside.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignTop)
        tool = label(
            "The hf command comes with: pip install huggingface_hub", "caption", wraps=True
        )

        self.folder = QPushButton("Choose folder…")
        self.folder.setProperty("kind", "plain")
        self.look_again = QPushButton("Look again")
        self.look_again.setProperty("kind", "plain")
        self.close_button = QPushButton("Done")
        self.close_button.setProperty("kind", "primary")
        self.close_button.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addWidget(self.folder)
        buttons.addStretch(1)
        buttons.addWidget(self.look_again)
        buttons.addWidget(self.close_button)
        self.note = label("", "quiet", wraps=True)
        self.note.hide()

        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID + 4)
        layout.setSpacing(2 * GRID)
        for part in (title, about):
            layout.addWidget(part)
        layout.addLayout(facts)
        layout.addWidget(box)
        layout.addWidget(tool)
        layout.addWidget(self.note)
        layout.addSpacing(GRID // 2)
        layout.addLayout(buttons)

        self.copy.clicked.connect(self._copy)
        self.folder.clicked.connect(self.folder_requested)
        self.look_again.clicked.connect(self.look_again_requested)
        self.close_button.clicked.connect(self.accept)
        self.close_button.setFocus()

    def set_theme(self, theme: Theme) -> None:
        self.copy.setIcon(icon("copy", theme.text))

    def say_not_found(self) -> None:
        """After a second look that found nothing."""
        self.note.setText(f"{self.choice.name} is still not in the Hugging Face cache.")
        self.note.show()
        self.fit()

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.command)
        self.copy.setText("Copied")

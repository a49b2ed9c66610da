"""Run as a process of its own: saves messages through the library and prints each id that it says
is saved, until it is killed. Streams partial replies as a conversation does.

    python -m tests.app.chats.saving_child DATABASE
"""

import sys
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QTimer

from app.chats.library import ChatLibrary
from app.chats.models import Chat, ChatMessage, new_id, now


def main() -> None:
    app = QCoreApplication([])
    library = ChatLibrary(Path(sys.argv[1]))
    chat = Chat(new_id(), "Chat", now(), now())
    library.saved.connect(lambda message_id: print(message_id, flush=True))
    last: list[ChatMessage] = []

    def say() -> None:
        parent = last[-1] if last else None
        if parent is not None and parent.status == "streaming":
            grown = replace(parent, text=parent.text + " word" * 50)
            last[-1] = replace(grown, status="complete") if len(grown.text) > 1000 else grown
        else:
            asked = ChatMessage(new_id(), parent.id if parent else None, "user", "word " * 20)
            last.append(ChatMessage(new_id(), asked.id, "assistant", "", status="streaming"))
            library.put(replace(chat, leaf_id=asked.id), asked)
        library.put(replace(chat, updated=now(), leaf_id=last[-1].id), last[-1])

    timer = QTimer()
    timer.timeout.connect(say)
    library.chats_changed.connect(lambda _: timer.start(2))
    library.start()
    app.exec()


if __name__ == "__main__":
    main()

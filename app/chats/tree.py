"""The messages of one chat as a tree: which path is on view, which siblings a message has.

Owns the shape, not the words: messages are put in, paths come out. Knows neither store nor Qt.
"""

from collections.abc import Iterable

from app.chats.models import Branch, ChatMessage, ShownMessage


class MessageTree:
    """Messages by id; children in the order in which they were put."""

    def __init__(self, messages: Iterable[ChatMessage] = ()) -> None:
        self._messages: dict[str, ChatMessage] = {}
        self._children: dict[str | None, list[str]] = {}
        for message in messages:
            self.put(message)

    def __contains__(self, message_id: object) -> bool:
        return message_id in self._messages

    def __getitem__(self, message_id: str) -> ChatMessage:
        return self._messages[message_id]

    def put(self, message: ChatMessage) -> None:
        """Adds a message as the last child of its parent, or replaces it where it is."""
        if message.id not in self._messages:
            self._children.setdefault(message.parent_id, []).append(message.id)
        self._messages[message.id] = message

    def remove(self, message_id: str) -> None:
        """Takes out a message that has no children."""
        message = self._messages.pop(message_id)
        self._children[message.parent_id].remove(message_id)

    def shown(self, message_id: str) -> ShownMessage:
        message = self._messages[message_id]
        siblings = self._children[message.parent_id]
        branch = Branch(index=siblings.index(message_id) + 1, count=len(siblings))
        return ShownMessage(message, branch)

    def path(self, leaf_id: str | None) -> list[ChatMessage]:
        """From the first question to `leaf_id`; empty for None."""
        path: list[ChatMessage] = []
        while leaf_id is not None:
            path.append(self._messages[leaf_id])
            leaf_id = self._messages[leaf_id].parent_id
        return path[::-1]

    def sibling(self, message_id: str, step: int) -> str | None:
        """The id `step` places further among the siblings; None past either end."""
        siblings = self._children[self._messages[message_id].parent_id]
        place = siblings.index(message_id) + step
        return siblings[place] if 0 <= place < len(siblings) else None

    def latest_leaf(self, message_id: str | None) -> str | None:
        """Follows the newest child from a message (None: from the root) to the end of its path."""
        while children := self._children.get(message_id):
            message_id = children[-1]
        return message_id

"""Branches: which path is on view and which siblings a message has."""

from app.chats.models import Branch, ChatMessage
from app.chats.tree import MessageTree


def message(name: str, parent: str | None) -> ChatMessage:
    return ChatMessage(name, parent, "user", name)


def grown() -> MessageTree:
    """q1 → a1 → q2 → a2, with a1's sibling b1 and an edited first question q1'."""
    return MessageTree(
        [
            message("q1", None),
            message("a1", "q1"),
            message("q2", "a1"),
            message("a2", "q2"),
            message("b1", "q1"),
            message("q1'", None),
        ]
    )


def test_path_leads_from_the_first_question_to_the_leaf() -> None:
    assert [m.id for m in grown().path("a2")] == ["q1", "a1", "q2", "a2"]
    assert grown().path(None) == []


def test_siblings_are_counted_in_the_order_they_were_put() -> None:
    tree = grown()
    assert tree.shown("a1").branch == Branch(1, 2)
    assert tree.shown("b1").branch == Branch(2, 2)
    assert tree.shown("q1'").branch == Branch(2, 2)
    assert tree.shown("a2").branch == Branch(1, 1)


def test_there_is_no_sibling_past_either_end() -> None:
    tree = grown()
    assert tree.sibling("a1", 1) == "b1"
    assert tree.sibling("b1", 1) is None
    assert tree.sibling("a1", -1) is None


def test_latest_leaf_follows_the_newest_children() -> None:
    tree = grown()
    assert tree.latest_leaf("a1") == "a2"
    assert tree.latest_leaf("q1") == "b1"
    assert tree.latest_leaf(None) == "q1'"


def test_putting_again_replaces_in_place() -> None:
    tree = grown()
    tree.put(ChatMessage("a1", "q1", "assistant", "said otherwise"))
    assert tree["a1"].text == "said otherwise"
    assert tree.shown("a1").branch == Branch(1, 2)


def test_a_removed_message_is_no_sibling_any_more() -> None:
    tree = grown()
    tree.remove("b1")
    assert "b1" not in tree
    assert tree.shown("a1").branch == Branch(1, 1)

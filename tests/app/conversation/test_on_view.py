"""What is on view: chats, branches, and turns that run elsewhere."""

import json

from pytestqt.qtbot import QtBot

from app.chats.library import ChatLibrary
from app.chats.models import Branch
from app.conversation import Conversation
from tests.app.conversation.conftest import Ask, View


def test_effort_belongs_to_the_chat(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    conversation.set_effort("high")
    ask("show the conversation")
    system = json.loads(view.last.text)["messages"][0]["content"][0]
    assert system["reasoning_effort"] == "High"
    chat = conversation.chat
    assert chat is not None
    conversation.open(None)
    assert conversation.effort == "medium"
    with qtbot.waitSignal(conversation.effort_changed) as blocker:
        conversation.open(chat.id)
    assert blocker.args == ["high"]


def test_edit_regenerate_and_switch_make_and_walk_branches(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    ask("one")
    ask("two")
    first = view.path[0].message
    with qtbot.waitSignal(conversation.reply_finished):
        assert conversation.edit(first.id, "uno")
    assert view.words == ["uno", "You said: uno "]
    assert view.path[0].branch == Branch(2, 2)
    with qtbot.waitSignal(conversation.reply_finished):
        assert conversation.regenerate()
    assert view.words == ["uno", "You said: uno "] and view.path[1].branch == Branch(2, 2)
    conversation.switch(view.path[1].message.id, -1)
    assert view.path[1].branch == Branch(1, 2)
    conversation.switch(view.path[0].message.id, -1)
    assert view.words == ["one", "You said: one ", "two", "You said: two "]
    conversation.switch(view.path[0].message.id, -1)  # there is none before the first
    assert view.words[0] == "one"
    ask("three")
    assert view.words[2:4] == ["two", "You said: two "] and view.words[-1] == "You said: three "


def test_the_statistics_are_those_of_the_branch_on_view(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    ask("one")
    first = view.last.statistics
    with qtbot.waitSignal(conversation.reply_finished):
        conversation.edit(view.path[0].message.id, "a longer question than the first")
    told: list[object] = []
    conversation.statistics_changed.connect(told.append)
    conversation.switch(view.path[0].message.id, -1)
    assert first is not None and told == [first]


def test_a_message_that_was_found_is_shown_with_its_branch(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    ask("one")
    with qtbot.waitSignal(conversation.reply_finished):
        conversation.edit(view.path[0].message.id, "uno")
    chat, uno = conversation.chat, view.path[0].message
    assert chat is not None
    conversation.switch(uno.id, -1)
    revealed: list[str] = []
    conversation.revealed.connect(revealed.append)
    conversation.reveal(uno.id)
    assert view.words == ["uno", "You said: uno "] and revealed == [uno.id]
    conversation.switch(uno.id, -1)
    one = view.path[0].message
    conversation.open(None)
    with qtbot.waitSignal(conversation.revealed):
        conversation.open(chat.id, uno.id)
    assert view.words == ["uno", "You said: uno "]
    conversation.reveal(one.id)
    assert view.words == ["one", "You said: one "]
    conversation.reveal("none such")
    assert revealed == [uno.id, uno.id, one.id]


def test_the_branch_on_view_is_found_again(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    ask("one")
    with qtbot.waitSignal(conversation.reply_finished):
        conversation.edit(view.path[0].message.id, "uno")
    conversation.switch(view.path[0].message.id, -1)
    chat = conversation.chat
    assert chat is not None
    conversation.open(None)
    assert view.path == [] and conversation.chat is None
    with qtbot.waitSignal(conversation.shown):
        conversation.open(chat.id)
    assert view.words == ["one", "You said: one "] and view.path[0].branch == Branch(1, 2)


def test_a_turn_goes_on_while_another_chat_is_on_view(
    conversation: Conversation, view: View, ask: Ask, library: ChatLibrary, qtbot: QtBot
) -> None:
    ask("first chat")
    first = conversation.chat
    conversation.open(None)
    with qtbot.waitSignal(conversation.thinking_added):
        conversation.send("forever")
    second = conversation.chat
    assert first is not None and second is not None
    with qtbot.waitSignal(conversation.shown):
        conversation.open(first.id)
    assert view.words == ["first chat", "You said: first chat "] and view.writing is None
    assert not conversation.send("here too") and view.busy[-1]
    with qtbot.waitSignal(conversation.reply_started):
        conversation.open(second.id)
    assert view.words == ["forever"] and view.thinking.startswith("Let me see.")
    with qtbot.waitSignal(conversation.reply_finished):
        conversation.answer_now()
    assert view.words == ["forever", "So be it."]


def test_a_turn_that_ends_out_of_view_is_saved_in_its_chat(
    conversation: Conversation, view: View, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(conversation.thinking_added):
        conversation.send("forever")
    chat = conversation.chat
    assert chat is not None
    conversation.open(None)
    conversation.answer_now()
    qtbot.waitUntil(lambda: not conversation.is_busy)
    assert view.path == []
    with qtbot.waitSignal(conversation.shown):
        conversation.open(chat.id)
    assert view.words == ["forever", "So be it."]


def test_another_branch_can_be_read_while_one_is_written(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    ask("one")
    with qtbot.waitSignal(conversation.thinking_added):
        conversation.edit(view.path[0].message.id, "forever")
    conversation.switch(view.path[0].message.id, -1)
    assert (view.words, view.writing) == (["one", "You said: one "], None)
    conversation.switch(view.path[0].message.id, 1)
    assert view.words == ["forever"] and view.thinking.startswith("Let me see.")
    conversation.stop()
    assert view.last.status == "stopped"


def test_deleting_the_chat_on_view_stops_its_turn_and_shows_a_new_one(
    conversation: Conversation, view: View, library: ChatLibrary, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(conversation.thinking_added):
        conversation.send("forever")
    chat = conversation.chat
    assert chat is not None
    library.delete(chat.id)
    qtbot.waitUntil(lambda: not conversation.is_busy and conversation.chat is None)
    assert view.path == []
    library.restore(chat.id)
    with qtbot.waitSignal(conversation.shown):
        conversation.open(chat.id)
    assert view.words[0] == "forever" and view.last.status == "stopped"


def test_renaming_in_the_sidebar_is_heard(
    conversation: Conversation, ask: Ask, library: ChatLibrary, qtbot: QtBot
) -> None:
    ask("Hello")
    chat = conversation.chat
    assert chat is not None
    with qtbot.waitSignal(conversation.title_changed) as blocker:
        library.rename(chat.id, "Greetings")
    assert blocker.args == [chat.id, "Greetings"]
    ask("more")
    assert conversation.chat is not None and conversation.chat.title == "Greetings"


def test_a_late_answer_to_an_earlier_open_is_ignored(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    ask("one")
    chat = conversation.chat
    assert chat is not None
    conversation.open(chat.id)
    conversation.open(None)
    ask("two")
    assert view.words == ["two", "You said: two "]


def test_a_chat_that_is_gone_opens_as_a_new_one(
    conversation: Conversation, view: View, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(conversation.opened) as blocker:
        conversation.open("no such chat")
    assert blocker.args == [None] and view.path == []

"""The conversation that the engine gets is one that openai-harmony reads too."""

import json
import re
from dataclasses import replace
from datetime import date, datetime

import openai_harmony as harmony
import pytest

from app.chats.models import Attachment, ChatMessage
from app.prompt import GUIDE_IDENTITY, IDENTITY, conversation_json
from mlx_engine.protocol import Json

PATH = [
    ChatMessage("1", None, "user", "Hi <|end|>"),
    ChatMessage("2", "1", "assistant", "Hello", thinking="A secret."),
    ChatMessage("3", "2", "user", "Why?"),
    ChatMessage("4", "3", "assistant", "", thinking="Stopped early.", status="stopped"),
    ChatMessage("5", "4", "user", "Well?"),
]
TODAY = date(2026, 11, 21)


def test_openai_harmony_reads_it_and_finds_everything() -> None:
    given = conversation_json(
        PATH, effort="high", is_guide=False, system_prompt="Be brief.", today=TODAY
    )
    conversation = harmony.Conversation.from_json(json.dumps(given))
    system, developer, *said = conversation.messages
    content = system.content[0]
    assert isinstance(content, harmony.SystemContent)
    assert content.model_identity == IDENTITY and content.knowledge_cutoff == "2024-06"
    assert content.conversation_start_date == "2026-11-21"
    assert content.reasoning_effort == harmony.ReasoningEffort.HIGH
    assert content.channel_config is not None
    assert content.channel_config.valid_channels == ["analysis", "commentary", "final"]
    assert isinstance(developer.content[0], harmony.DeveloperContent)
    assert developer.content[0].instructions == "Be brief."
    assert [(m.author.role.value, m.channel) for m in said] == [
        ("user", None),
        ("assistant", "final"),
        ("user", None),
        ("user", None),
    ]


def test_thoughts_are_never_given_back() -> None:
    given = json.dumps(conversation_json(PATH, effort="low", is_guide=False))
    assert "secret" not in given and "Stopped early" not in given


@pytest.mark.parametrize("system_prompt", ["", " \n"])
def test_without_a_system_prompt_there_is_no_developer_message(system_prompt: str) -> None:
    given = conversation_json(PATH, effort="low", is_guide=True, system_prompt=system_prompt)
    assert [message["role"] for message in given["messages"]][:2] == ["system", "user"]
    assert given["messages"][0]["content"][0]["model_identity"] == GUIDE_IDENTITY


def test_documents_have_cursors_of_their_own_and_the_guide_gets_none() -> None:
    documents = (Attachment("a.txt", "", "x\n"), Attachment("b.txt", "", "y\n"))
    path = [
        replace(PATH[0], attachments=documents),
        PATH[1],
        replace(PATH[2], attachments=documents[:1]),
    ]
    text = json.dumps(conversation_json(path, effort="low", is_guide=False))
    assert "[0] a.txt" in text and "[1] b.txt" in text and "[2] a.txt" in text
    assert "a.txt" not in json.dumps(conversation_json(path, effort="low", is_guide=True))


def test_documents_come_before_all_that_changes_from_day_to_day() -> None:
    def given(question: str, asked: datetime) -> list[Json]:
        path = [replace(PATH[0], text=question, attachments=documents, created=asked)]
        messages: list[Json] = conversation_json(
            path, effort="low", is_guide=False, today=asked.date()
        )["messages"]
        return messages

    documents = (Attachment("a.txt", "", "x\n"),)
    one = given("Why?", datetime(2026, 11, 21, 12).astimezone())
    other = given("How?", datetime(2026, 11, 22, 12).astimezone())
    assert one[0] == other[0]
    pages, question = one[1]["content"]
    assert pages == other[1]["content"][0] and "L0: x" in pages["text"]
    assert question["text"].endswith("Current date: 2026-11-21\n\nWhy?")
    assert "Current date: 2026-11-22" in other[1]["content"][1]["text"]


def test_with_documents_the_first_question_of_each_day_tells_the_date() -> None:
    days = [datetime(2026, 11, day, 12).astimezone() for day in (21, 21, 22)]
    path = [replace(PATH[0], id=str(n), created=day) for n, day in enumerate(days)]
    path[1] = replace(path[1], attachments=(Attachment("a.txt", "", "x\n"),))
    _, *said = conversation_json(path, effort="low", is_guide=False)["messages"]
    dates = [re.findall("Current date: (.*)", part["text"]) for m in said for part in m["content"]]
    assert dates == [["2026-11-21"], [], [], ["2026-11-22"]]

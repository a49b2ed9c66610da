"""Documents in the terminal: what the model is given, how citations look, what a search shows."""

import json
from pathlib import Path

from tests.app.terminal.conftest import Run
from tests.parrot import write_parrot_checkpoint

BEES = "Bees hum.\nThe queen lives five years.\nDrones do not sting.\n"
PREFIX = "The keeper wrote this down in the book of that year and closed it again."


def bees(folder: Path) -> str:
    (folder / "bees.txt").write_text(BEES)
    return str(folder / "bees.txt")


def long_book(folder: Path, pages: int = 60) -> str:
    """More than the scripted engine's context holds, on form-fed pages."""
    texts = [f"Hive number{n} stood there.\n\n" + f"{PREFIX}\n" * 9 for n in range(pages)]
    (folder / "book.txt").write_text("\f".join(texts))
    return str(folder / "book.txt")


def asked(run: Run, *arguments: str) -> tuple[str, list[str]]:
    ran = run("ask", "--model", "20b", *arguments)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.decode(), ran.stderr.decode().splitlines()


def last_line(out: str) -> str:
    return out.strip().splitlines()[-1].strip()


def test_citations_are_named_for_people(run: Run, tmp_path: Path) -> None:
    out, err = asked(run, "--file", bees(tmp_path), "It hums【0†L0】 and lives 【0†L1-L2】.")
    assert last_line(out) == "It hums [bees.txt, line 1] and lives [bees.txt, lines 2–3]."
    assert err == []


def test_citations_that_are_wrong_are_told_so(run: Run, tmp_path: Path) -> None:
    out, _ = asked(run, "--file", bees(tmp_path), "a【0†L3】 b【1†L0】 【0†L1 c【x】")
    assert last_line(out) == ("a [bees.txt, no such lines] b [no such document] 【0†L1 c【x】")


def test_quoted_words_that_are_not_there_are_named(run: Run, tmp_path: Path) -> None:
    words = "“lives five years”【0†L1】 “lives six years”【0†L1】"
    _, err = asked(run, "--file", bees(tmp_path), words)
    assert err == ["Not in the lines cited: “lives six years”"]


def test_without_documents_an_answer_is_left_alone(run: Run) -> None:
    assert asked(run, "Like 【0†L0】")[0] == "You said: Like 【0†L0】 \n"


def test_events_for_programs_are_left_alone(run: Run, tmp_path: Path) -> None:
    out, _ = asked(run, "--json", "--file", bees(tmp_path), "See 【0†L0】")
    texts = [json.loads(line).get("text", "") for line in out.splitlines()]
    assert "【0†L0】 " in texts


def test_what_does_not_fit_is_searched_and_that_is_said(run: Run, tmp_path: Path) -> None:
    out, err = asked(run, "--file", long_book(tmp_path), "Where was number41?")
    assert "Hive number41 stood there." in out and "(p. 42)" in out
    assert "These are excerpts" in out and out.count("Hive number") < 60
    (said,) = err
    assert said.startswith("book.txt: the model gets ") and " of 60 pages: " in said


def test_a_question_about_the_whole_is_read_for_in_passes(run: Run, tmp_path: Path) -> None:
    """The scripted engine's notes are what it was given; they are the last turn's prompt."""
    out, err = asked(run, "--file", long_book(tmp_path, 20), "Summarise it. “Hive”【0†L0】")
    assert all(f"Hive number{n} stood" in out for n in range(20))
    assert "Notes on part 2:" in out and "This is part 1 of " in out
    assert last_line(out) == "Request: Summarise it. “Hive” [book.txt, p. 1, line 1]"
    assert err[0].startswith("The model has read all of the documents, in ")


def test_lines_that_were_not_shown_are_no_evidence(run: Run, tmp_path: Path) -> None:
    out, _ = asked(run, "--file", long_book(tmp_path), "Where was number41? 【0†L600】")
    assert last_line(out).endswith(", not among what was read]")


def test_a_context_without_room_is_named(run: Run, tmp_path: Path) -> None:
    ran = run("ask", "--model", "20b", "--context", "500", "--file", long_book(tmp_path), "Where?")
    assert ran.returncode == 1
    assert b"The context has no room for the documents" in ran.stderr


def test_the_guide_leaves_a_person_with_a_search(run: Run, tmp_path: Path) -> None:
    ran = run("ask", "--file", bees(tmp_path), "How many years does the queen live?")
    assert ran.returncode == 0
    assert ran.stdout.decode() == "The queen lives five years.\n[bees.txt, line 2]\n"
    assert "This is a search" in ran.stderr.decode()


def test_a_conversation_searches_for_each_question(run: Run, tmp_path: Path) -> None:
    options = ("--model", "20b", "--context", "40000", "--file", long_book(tmp_path, 200))
    ran = run("chat", *options, stdin=b"Where was number41?\nWhere was number12?\n")
    first, second = ran.stdout.decode().split("Where was number41?")
    assert ran.returncode == 0
    assert "Hive number41 stood" in first and "Hive number12 stood" in second


def test_the_guide_searches_in_a_conversation_too(run: Run, tmp_path: Path) -> None:
    lines = ["How long does the queen live?", "/new", "Hello"]
    ran = run("chat", "--file", bees(tmp_path), stdin="\n".join(lines).encode())
    assert ran.stdout.decode().startswith("The queen lives five years.\n[bees.txt, line 2]\n")
    assert "You said: Hello" in ran.stdout.decode()


def test_citations_cut_by_tokens_come_whole_out_of_the_real_engine(
    run: Run, tmp_path: Path
) -> None:
    """Through the engine process, Harmony's parser and the parser of citations; the brackets are
    cut inside their bytes."""
    bracket, dagger = "【".encode(), "†".encode()
    pieces = [
        *(
            b"Bees h",
            bracket[:1],
            bracket[1:] + b"0",
            dagger[:2],
            dagger[2:] + b"L0",
            "】um".encode(),
        ),
        *(" “lives nine years”【".encode(), "0†".encode(), b"L", b"1-L2", "】".encode()),
        *(" or【7".encode(), "†L1】".encode(), " and【0†L9】 or【0†L".encode()),
    ]
    model = write_parrot_checkpoint(tmp_path / "parrot", pieces)
    options = ("--model", str(model), "--temperature", "0", "--file", bees(tmp_path))
    ran = run("ask", *options, "What do bees do?", real=True)
    assert (ran.returncode, ran.stdout.decode()) == (
        0,
        "Bees h [bees.txt, line 1]um “lives nine years” [bees.txt, lines 2–3] or [no such document]"
        " and [bees.txt, no such lines] or【0†L\n",
    )
    assert ran.stderr.decode() == "Not in the lines cited: “lives nine years”\n"

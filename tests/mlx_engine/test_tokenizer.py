"""Text to ids and back, in gpt-oss's vocabulary and in a checkpoint's own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlx_engine.errors import CheckpointError, EngineError
from mlx_engine.resources import resource_path
from mlx_engine.tokenizer import HARMONY_TOKENS, O200K_SIZE, Tokenizer
from tests.mlx_engine.harmony_yardstick import encoding, ids_of, o200k

WORDS = st.sampled_from(
    ["<|start|>", "<|endofprompt|>", "Don't", " 12345", "\n\n", "  ", "💖", "中文"]
)


@given(st.lists(WORDS | st.text(max_size=10)).map("".join))
@settings(max_examples=200, deadline=None)
def test_text_is_encoded_as_openai_harmony_encodes_it(text: str) -> None:
    ids = o200k().encode(text)
    assert ids == encoding().encode(text, disallowed_special=())
    assert o200k().decode_bytes(ids) == text.encode()
    assert not any(o200k().is_special(token) for token in ids)


def test_control_tokens_have_the_published_ids() -> None:
    special = o200k().special
    assert dict(HARMONY_TOKENS).items() <= special.items()
    assert [special[name] for name in HARMONY_TOKENS] == ids_of("".join(HARMONY_TOKENS))
    assert special["<|reserved_201087|>"] == 201_087
    assert sorted(special.values()) == list(range(199_998, O200K_SIZE))
    assert o200k().vocabulary_size == O200K_SIZE


def test_control_tokens_have_no_text_and_unknown_ids_are_marked() -> None:
    (hi,) = o200k().encode("Hi")
    ids = [200_006, hi, 200_013, -1, O200K_SIZE]
    assert o200k().decode_bytes(ids).decode() == "Hi" + 2 * "\N{REPLACEMENT CHARACTER}"


def test_lone_surrogates_become_replacement_characters() -> None:
    text = "a\ud800b\udc00c"
    assert o200k().decode_bytes(o200k().encode(text)).decode() == "a\ufffdb\ufffdc"


@pytest.mark.parametrize("text", [" " * 1_900_000, "x" + "\t " * 600_000 + "y", "\n" * 1_000_000])
def test_a_million_blanks_are_survived(text: str) -> None:
    assert o200k().decode_bytes(o200k().encode(text)).decode() == text


def test_a_checkpoint_of_the_published_size_has_gpt_oss_s_vocabulary(tmp_path: Path) -> None:
    assert Tokenizer.for_checkpoint(tmp_path, O200K_SIZE).special == o200k().special


def test_a_missing_resource_is_named() -> None:
    with pytest.raises(EngineError, match=r"nothing\.bin is missing: install Sordino again"):
        resource_path("nothing.bin")


# A checkpoint's own vocabulary -------------------------------------------------------------------


def gpt2_alphabet() -> list[str]:
    """The character for each byte: printable Latin-1 stands for itself, the rest is moved up."""
    shifted = iter(range(256, 512))
    return [
        chr(byte) if chr(byte).isprintable() and chr(byte) != " " else chr(next(shifted))
        for byte in range(256)
    ]


def small_vocabulary() -> dict[str, Any]:
    merges = ["h e", "l l", "he ll", "hell o", "Ġ hello", "Ã ©"]
    tokens = gpt2_alphabet() + [merge.replace(" ", "") for merge in merges]
    specials = [*HARMONY_TOKENS, "<|reserved_0|>"]
    return {
        "model": {
            "type": "BPE",
            "vocab": {token: n for n, token in enumerate(tokens)},
            "merges": merges,
        },
        "added_tokens": [
            {"id": len(tokens) + n, "content": name, "special": True}
            for n, name in enumerate(specials)
        ],
    }


def saved(folder: Path, document: object) -> Path:
    (folder / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def test_a_small_vocabulary_is_read_from_tokenizer_json(tmp_path: Path) -> None:
    tokenizer = Tokenizer.for_checkpoint(saved(tmp_path, small_vocabulary()), 300)
    assert tokenizer.vocabulary_size == 300
    assert tokenizer.special["<|startoftext|>"] == 262
    assert tokenizer.special["<|reserved_0|>"] == 271
    assert tokenizer.encode("hello hello") == [259, 260]
    assert tokenizer.encode("hé") == [ord("h"), 261]
    assert not any(tokenizer.is_special(token) for token in tokenizer.encode("<|start|>"))


def test_merges_may_be_pairs(tmp_path: Path) -> None:
    document = small_vocabulary()
    document["model"]["merges"] = [merge.split(" ") for merge in document["model"]["merges"]]
    assert Tokenizer.for_checkpoint(saved(tmp_path, document), 300).encode("hello") == [259]


@given(text=st.text())
@settings(deadline=None)
def test_a_small_vocabulary_holds_any_text(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = saved(tmp_path_factory.mktemp("checkpoint"), small_vocabulary())
    tokenizer = Tokenizer.for_checkpoint(folder, 300)
    assert tokenizer.decode_bytes(tokenizer.encode(text)) == text.encode()


def dropped(*path: str | int) -> Callable[[Any], None]:
    """An edit that deletes what stands at `path`."""

    def edit(document: Any) -> None:
        *parents, last = path
        for key in parents:
            document = document[key]
        del document[last]

    return edit


def put(value: object, *path: str | int) -> Callable[[Any], None]:
    """An edit that puts `value` at `path`."""

    def edit(document: Any) -> None:
        *parents, last = path
        for key in parents:
            document = document[key]
        document[last] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (dropped("model"), "no BPE model"),
        (put("WordPiece", "model", "type"), "no BPE model"),
        (dropped("model", "vocab"), "no vocabulary"),
        (dropped("model", "vocab", "h"), "a byte has no token"),
        (put("7", "model", "vocab", "h"), "an id is not between 0 and 299"),
        (put(True, "model", "vocab", "h"), "an id is not between 0 and 299"),
        (put(300, "model", "vocab", "h"), "an id is not between 0 and 299"),
        (put(-1, "added_tokens", 0, "id"), "an id is not between 0 and 299"),
        (put([], "added_tokens", 0, "id"), "an id is not between 0 and 299"),
        (put(7, "model", "vocab", "h"), "two tokens share an id"),
        (put(299, "model", "vocab", "€"), "is not made of bytes"),
        (dropped("model", "merges"), "no merges"),
        (put(["he ll", "h e"], "model", "merges"), "not in the order of their ids"),
        (put([7], "model", "merges"), "not a pair"),
        (dropped("added_tokens"), "no control tokens"),
        (put([7], "added_tokens"), "no control tokens"),
        (dropped("added_tokens", 3), "control token <|constrain|> is missing"),
    ],
)
def test_a_damaged_vocabulary_is_refused_in_one_line(
    tmp_path: Path, edit: Callable[[Any], None], words: str
) -> None:
    document = small_vocabulary()
    edit(document)
    _assert_refused(saved(tmp_path, document), words)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[]", b"null", b"[" * 100_000])
def test_a_file_that_is_no_vocabulary_is_refused_in_one_line(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "tokenizer.json").write_bytes(text)
    _assert_refused(tmp_path, "download the model again")


def test_a_missing_vocabulary_is_refused_in_one_line(tmp_path: Path) -> None:
    _assert_refused(tmp_path, "tokenizer.json is missing: download the model again")


def test_a_vocabulary_that_cannot_be_opened_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").mkdir()
    _assert_refused(tmp_path, "can't be read")


def _assert_refused(folder: Path, words: str) -> None:
    with pytest.raises(CheckpointError) as refusal:
        Tokenizer.for_checkpoint(folder, 300)
    message = str(refusal.value)
    assert words in message
    assert str(folder / "tokenizer.json") in message
    assert "\n" not in message

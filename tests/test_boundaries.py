"""Who may know whom: the window never learns of MLX, the engine never of the window or of Qt.

Each module is imported in a fresh interpreter of its own package's turn, because whatever another
test imported would hide a breach.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES = 600
# What starts the program may know both sides; it imports the engine only when it becomes it.
FRONT_DOOR = ROOT / "app" / "__main__.py"

IMPORT_ALL = """
import importlib, sys
for name in sys.argv[2:]:
    importlib.import_module(name)
    found = [top for top in sys.argv[1].split(",") if top in sys.modules]
    if found:
        sys.exit(f"{name} imports {found}")
"""


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    ("package", "forbidden"), [("app", "mlx"), ("mlx_engine", "PySide6,app,shiboken6")]
)
def test_importing_a_side_never_brings_in_the_other(package: str, forbidden: str) -> None:
    names = [module_name(path) for path in sources(package)]
    assert names
    ran = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, forbidden, *names],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stderr


def test_the_window_knows_nothing_of_the_engine_but_the_protocol() -> None:
    for path in sources("app"):
        if path == FRONT_DOOR:
            continue
        for name in imports_of(path):
            if name.split(".")[0] == "mlx_engine":
                assert name.startswith("mlx_engine.protocol"), f"{path} imports {name}"
            assert name.split(".")[0] != "mlx", f"{path} imports {name}"


def test_the_engine_names_neither_the_window_nor_qt() -> None:
    for path in sources("mlx_engine"):
        for name in imports_of(path):
            assert name.split(".")[0] not in ("app", "PySide6"), f"{path} imports {name}"


def test_the_protocol_stands_on_the_standard_library_alone() -> None:
    for name in imports_of(ROOT / "mlx_engine" / "protocol.py"):
        assert name.split(".")[0] in sys.stdlib_module_names, name


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("mlx_engine.__main__", "mlx,numpy,tiktoken"),
        ("mlx_engine.process", "mlx,numpy,tiktoken"),
        ("mlx_engine.commands.render", "mlx,tiktoken"),
        ("mlx_engine.commands.parse", "mlx,tiktoken"),
        ("app.__main__", "PySide6,mlx,numpy"),
    ],
)
def test_what_must_start_at_once_imports_nothing_heavy(module: str, heavy: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, heavy, module], capture_output=True, text=True, cwd=ROOT
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("package", ["app", "mlx_engine", "guide", "tests"])
def test_no_file_is_too_long_to_be_one_idea(package: str) -> None:
    for path in sources(package):
        lines = len(path.read_text("utf-8").splitlines())
        assert lines <= MOST_LINES, f"{path.relative_to(ROOT)} has {lines} lines"


@pytest.mark.parametrize("package", ["app", "mlx_engine", "guide"])
def test_every_module_says_what_it_owns(package: str) -> None:
    for path in sources(package):
        tree = ast.parse(path.read_text("utf-8"))
        assert not tree.body or ast.get_docstring(tree), f"{path.relative_to(ROOT)}: no docstring"

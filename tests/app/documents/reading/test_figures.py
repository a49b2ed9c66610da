"""What large and hostile files take, printed by `make check-full`. Memory is held to its bounds;
time is only told, because no machine is alone."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.documents.reading.process import read_document
from tests.app.documents.reading.files import docx, paragraph, pdf, shown

ROOT = Path(__file__).parents[4]
WORDS = [f"{beginning}{end}" for beginning in ("be", "wa", "mu") for end in ("e", "sp", "ted", "")]
MEASURE = """
import json, resource, sys, time
from pathlib import Path
from app.documents.errors import UnreadableDocument
from app.documents.reading.process import read_document

began, said, lines = time.monotonic(), "", 0
try:
    lines = read_document(Path(sys.argv[1])).line_count
except UnreadableDocument as error:
    said = str(error)
took = time.monotonic() - began
reader, app = (resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF))
unit, app_bytes = (1, app.ru_maxrss) if sys.platform == "darwin" else (1024, 0)
if not app_bytes:  # Linux counts what the test had when it started this among `ru_maxrss`
    (peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    app_bytes = int(peak.split()[1]) * 1024
print(json.dumps({
    "said": said, "lines": lines, "seconds": took, "cpu_s": reader.ru_utime + reader.ru_stime,
    "reader_mb": reader.ru_maxrss * unit / 1e6, "app_mb": app_bytes / 1e6,
}))
"""

pytestmark = pytest.mark.full


def measured(path: Path) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    figures: dict[str, Any] = json.loads(ran.stdout)
    print(
        f"\n{path.name}: {figures['seconds']:.1f} s ({figures['cpu_s']:.1f} s of the reader's "
        f"processor), reader {figures['reader_mb']:.0f} MB, app {figures['app_mb']:.0f} MB"
    )
    return figures


def test_a_thousand_pages_have_their_numbers(tmp_path: Path) -> None:
    chance = random.Random(7)
    pages = [
        shown(
            (72, 760, f"page {number}"),
            *((72, 740 - 14 * i, " ".join(chance.choices(WORDS, k=14))) for i in range(45)),
        )
        for number in range(1, 1001)
    ]
    path = tmp_path / "thousand.pdf"
    path.write_bytes(pdf(pages))
    figures = measured(path)
    assert figures["lines"] == 46_000
    document = read_document(path)
    assert all(page.lines[0].text == f"page {page.number}" for page in document.pages)


def test_a_hundred_megabytes_of_text_take_less_than_three_hundred(tmp_path: Path) -> None:
    chance = random.Random(7)
    lines = "".join(" ".join(chance.choices(WORDS, k=14)) + " é\n" for _ in range(10_000))
    path = tmp_path / "long.txt"
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < 100_000_000:
            file.write(lines)
    figures = measured(path)
    assert figures["lines"] > 1_000_000
    assert figures["reader_mb"] < 300 and figures["app_mb"] < 300


def test_a_bomb_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.docx"
    path.write_bytes(docx(paragraph("The quick brown fox jumps over it. ") * 1_600_000))
    assert path.stat().st_size < 500_000
    figures = measured(path)
    assert "unpacks to far more than a document holds" in figures["said"]
    assert figures["reader_mb"] < 200

"""Office documents: what stands in them, in order, and nothing that a person would miss."""

import datetime
from pathlib import Path

import docx as python_docx
import openpyxl
import pptx as python_pptx
import pytest
from docx.enum.text import WD_BREAK
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE

from app.documents.reading.numbering import in_form
from app.documents.reading.refused import Refused
from tests.app.documents.reading.files import archive, docx, paragraph, read_here, relations, texts


def word(tmp_path: Path, body: str, **parts: str) -> list[str]:
    (tmp_path / "a.docx").write_bytes(docx(body, parts))
    return texts(read_here(tmp_path / "a.docx"))


def test_a_document_written_by_another_program_is_read(tmp_path: Path) -> None:
    """python-docx starts from Word's own template, with its styles and numbering."""
    document = python_docx.Document()
    document.add_heading("Contract", 0)
    document.add_heading("Payment", 2)
    document.add_paragraph("The buyer pays within 30 days.")
    document.add_paragraph("one", style="List Bullet")
    document.add_paragraph("first", style="List Number")
    document.add_paragraph("second", style="List Number")
    table = document.add_table(2, 2)
    for cell, text in zip(table._cells, ("Name", "Amount", "Bees", "3"), strict=True):
        cell.text = text
    run = document.add_paragraph("before").runs[0]
    run.add_break(WD_BREAK.PAGE)
    document.add_comment([run], text="Check this", author="Ann")
    document.add_paragraph("after")
    document.save(str(tmp_path / "a.docx"))
    read = read_here(tmp_path / "a.docx")
    assert read.kind == "docx"
    assert [line for line in texts(read) if line] == [
        *("# Contract", "## Payment", "The buyer pays within 30 days."),
        *("- one", "1. first", "2. second", "Name | Amount", "Bees | 3", "before"),
    ]
    assert [line for line in texts(read, 1) if line] == [
        *("[comment 1]", "[comment 1] Ann: Check this", "after"),
    ]


def test_clauses_have_the_numbers_that_word_shows(tmp_path: Path) -> None:
    levels = "".join(
        f'<w:lvl w:ilvl="{i}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for i, (form, text) in enumerate(
            [("decimal", "%1."), ("decimal", "%1.%2"), ("lowerLetter", "(%3)")]
        )
    )
    numbering = (
        f'<w:abstractNum w:abstractNumId="7">{levels}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
        '<w:num w:numId="2"><w:abstractNumId w:val="7"/>'
        '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>'
    )

    def clause(text: str, level: int, of: int = 1) -> str:
        return paragraph(
            text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{of}"/></w:numPr>'
        )

    levels_of = [("a", 0), ("b", 1), ("c", 1), ("d", 2), ("e", 2), ("f", 0), ("g", 1)]
    body = "".join(clause(*pair) for pair in levels_of) + clause("h", 0, 2)
    assert word(tmp_path, body, numbering=numbering) == [
        *("1. a", "  1.1 b", "  1.2 c", "    (a) d", "    (b) e", "2. f", "  2.1 g", "5. h"),
    ]


@pytest.mark.parametrize(
    ("number", "form", "written"),
    [
        (4, "lowerRoman", "iv"),
        (1994, "upperRoman", "MCMXCIV"),
        (28, "lowerLetter", "bb"),
        (3, "upperLetter", "C"),
        (7, "decimalZero", "07"),
        (7, "none", ""),
        (0, "lowerLetter", "0"),
        (9999, "upperRoman", "9999"),
    ],
)
def test_numbers_take_their_form(number: int, form: str, written: str) -> None:
    assert in_form(number, form) == written


def test_notes_stand_below_the_paragraph_that_names_them(tmp_path: Path) -> None:
    body = (
        '<w:p><w:r><w:t>Bees hum</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r>'
        '<w:r><w:t>.</w:t></w:r><w:r><w:endnoteReference w:id="4"/></w:r></w:p>'
        + paragraph("Next.")
    )
    footnotes = '<w:footnote w:id="2"><w:p><w:r><w:t>At 230 Hz.</w:t></w:r></w:p></w:footnote>'
    endnotes = '<w:endnote w:id="4"><w:p><w:r><w:t>Or so.</w:t></w:r></w:p></w:endnote>'
    lines = word(tmp_path, body, footnotes=footnotes, endnotes=endnotes)
    assert [line for line in lines if line] == [
        *("Bees hum[note 1].[note 2]", "[note 1] At 230 Hz.", "[note 2] Or so.", "Next."),
    ]


def test_text_that_is_wrapped_inserted_or_boxed_is_read_and_deleted_text_is_not(
    tmp_path: Path,
) -> None:
    body = (
        f"<w:sdt><w:sdtContent>{paragraph('in a control')}</w:sdtContent></w:sdt>"
        "<w:p><w:ins><w:r><w:t>added</w:t></w:r></w:ins><w:del><w:r><w:delText>gone</w:delText>"
        "</w:r></w:del><w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom></w:p>"
        f"<w:p><w:r><w:pict><w:txbxContent>{paragraph('in a box')}</w:txbxContent></w:pict></w:r>"
        "<w:r><w:t>beside</w:t></w:r></w:p>"
    )
    lines = [line for line in word(tmp_path, body) if line]
    assert lines == ["in a control", "added", "beside", "in a box"]


def test_pages_are_those_that_word_laid_out(tmp_path: Path) -> None:
    rendered = "<w:r><w:lastRenderedPageBreak/><w:t>two.</w:t></w:r>"
    body = (
        f"<w:p><w:r><w:t>Page one, </w:t></w:r>{rendered}</w:p>"
        '<w:p><w:r><w:br w:type="page"/></w:r></w:p>'
        "<w:p><w:r><w:lastRenderedPageBreak/><w:t>Page three.</w:t></w:r></w:p>"
    )
    (tmp_path / "a.docx").write_bytes(docx(body))
    read = read_here(tmp_path / "a.docx")
    assert [texts(read, page) for page in range(len(read.pages))] == [
        *(["Page one, "], ["two."], ["Page three."]),
    ]


def test_a_table_in_a_cell_stays_in_it(tmp_path: Path) -> None:
    inner = (
        f"<w:tbl><w:tr><w:tc>{paragraph('x')}</w:tc><w:tc>{paragraph('y')}</w:tc></w:tr></w:tbl>"
    )
    row = f"<w:tr><w:tc>{paragraph('a')}{paragraph('b')}</w:tc><w:tc>{inner}</w:tc></w:tr>"
    assert word(tmp_path, f"<w:tbl>{row}</w:tbl>") == ["a b | x y"]


def test_a_cell_over_several_columns_keeps_the_others_in_theirs(tmp_path: Path) -> None:
    wide = f'<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>{paragraph("wide")}</w:tc>'
    row = f"<w:tr>{wide}<w:tc>{paragraph('third')}</w:tc></w:tr>"
    assert word(tmp_path, f"<w:tbl>{row}</w:tbl>") == ["wide |  | third"]


def test_sheets_have_addresses_and_values_as_people_write_them(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "Sums"
    sheet.append(["Name", "Amount", "Date", "Share", "Paid"])
    sheet.append(["Bees", 3.5, datetime.date(2024, 5, 1), 0.125, True])
    sheet["D2"].number_format = "0.0%"
    sheet["B4"] = "=SUM(B2:B3)"
    secret = workbook.create_sheet("Secret")
    secret["AB7"] = "far"
    secret.sheet_state = "hidden"
    workbook.save(tmp_path / "a.xlsx")
    read = read_here(tmp_path / "a.xlsx")
    assert [page.label for page in read.pages] == ["Sums", "Secret"]
    assert texts(read) == [
        "A1: Name | B1: Amount | C1: Date | D1: Share | E1: Paid",
        "A2: Bees | B2: 3.5 | C2: 2024-05-01 | D2: 12.5% | E2: TRUE",
        " | B4: =SUM(B2:B3) |  |  | ",
    ]
    assert texts(read, 1)[0].endswith("AB7: far")
    assert any("Secret" in note for note in read.notes)
    assert any("formulas" in note for note in read.notes)


def test_cells_of_every_kind_are_read(tmp_path: Path) -> None:
    cells = (
        '<c t="inlineStr"><is><t>in</t><r><t>line</t></r><rPh><t>reading</t></rPh></is></c>'
        '<c r="C1"><f>A1</f><v>2</v></c><c t="e"><v>#REF!</v></c><c t="str"><f>x</f><v>s</v></c>'
        '<c r="ZZZ1"><v>beyond</v></c><c r="G1" t="s"><v>99</v></c><c><f t="shared" si="0"/></c>'
    )
    rows = f'<row>{cells}</row><row r="9"><c><v>later</v></c></row>'
    sheets = '<sheets><sheet name="One" r:id="worksheet"/></sheets>'
    names = "xmlns:r='http://schemas.openxmlformats.org/officeDocument/2006/relationships'"
    content = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    parts = {
        "[Content_Types].xml": f'<Types><Override ContentType="{content}"/></Types>',
        "_rels/.rels": relations({"officeDocument": "xl/workbook.xml"}),
        "xl/workbook.xml": f"<workbook {names}>{sheets}</workbook>",
        "xl/_rels/workbook.xml.rels": relations({"worksheet": "one.xml"}),
        "xl/one.xml": f"<worksheet><sheetData>{rows}</sheetData></worksheet>",
    }
    (tmp_path / "a.xlsx").write_bytes(archive(parts))
    first = "A1: inline |  | C1: 2 | D1: #REF! | E1: s |  |  | H1: =…"
    assert texts(read_here(tmp_path / "a.xlsx"))[0] == first
    assert texts(read_here(tmp_path / "a.xlsx"))[1].startswith("A9: later")


def test_slides_have_titles_text_tables_charts_and_notes(tmp_path: Path) -> None:
    presentation = python_pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text = "Results"
    frame = slide.placeholders[1].text_frame
    frame.text = "First"
    deeper = frame.add_paragraph()
    deeper.text, deeper.level = "Deeper", 1
    slide.notes_slide.notes_text_frame.text = "Say hello"
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    table = slide.shapes.add_table(2, 2, 0, 0, 10**6, 10**6).table
    table.cell(0, 0).text, table.cell(0, 1).text, table.cell(1, 1).text = "A", "B", "42"
    chart = CategoryChartData()
    chart.categories = ["Q1", "Q2"]
    chart.add_series("Sales", (1.5, 2))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, 10**6, 10**6, chart)
    presentation.save(str(tmp_path / "a.pptx"))
    read = read_here(tmp_path / "a.pptx")
    assert [page.label for page in read.pages] == ["Results", ""]
    assert [line for line in texts(read) if line] == [
        *("# Results", "- First", "  - Deeper", "Notes:", "Say hello"),
    ]
    assert [line for line in texts(read, 1) if line] == [
        *("A | B", " | 42", " | Sales", "Q1 | 1.5", "Q2 | 2"),
    ]


@pytest.mark.parametrize(
    ("name", "data", "lines"),
    [
        ("a.csv", b'a,b\nBees,"3,5"\n\n,7\n', ["A1: a | B1: b", "A2: Bees | B2: 3,5", " | B4: 7"]),
        ("a.csv", b"a;b;c\n1,5;2;3\n", ["A1: a | B1: b | C1: c", "A2: 1,5 | B2: 2 | C2: 3"]),
        ("a.tsv", b"a\tb\n1\t2\n", ["A1: a | B1: b", "A2: 1 | B2: 2"]),
        ("a.csv", b'a,b\n"two\nlines",2\n', ["A1: a | B1: b", "A2: two lines | B2: 2"]),
        ("a.csv", b"just one column\nof words\n", ["A1: just one column", "A2: of words"]),
        ("a.csv", b'a,b\n1,"never closed\n', ["A1: a | B1: b", "A2: 1 | B2: never closed"]),
    ],
)  # fmt: skip
def test_tables_in_text_have_addresses(
    tmp_path: Path, name: str, data: bytes, lines: list[str]
) -> None:
    (tmp_path / name).write_bytes(data)
    assert texts(read_here(tmp_path / name)) == lines


@pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.pptx"])
def test_a_document_without_text_says_so(tmp_path: Path, name: str) -> None:
    made = {
        "a.docx": python_docx.Document,
        "a.xlsx": openpyxl.Workbook,
        "a.pptx": python_pptx.Presentation,
    }[name]()
    made.save(str(tmp_path / name))
    with pytest.raises(Refused, match="has no text in it"):
        read_here(tmp_path / name)


@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.parametrize("name", ["a.docx", "a.xlsx"])
def test_a_document_that_is_cut_off_says_so(tmp_path: Path, name: str, share: float) -> None:
    document = openpyxl.Workbook() if name == "a.xlsx" else python_docx.Document()
    document.save(str(tmp_path / name))
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(share * len(data))])
    with pytest.raises(Refused, match="is cut off or damaged"):
        read_here(tmp_path / name)

"""The process that draws a page: `python -m app.documents.reading.picture PATH PAGE WIDTH BOXES`.

PAGE counts from 1, WIDTH is in pixels, BOXES a JSON list of boxes in PDF points. Says one line of
JSON on stdout, {"width", "height", "stride", "boxes": [[left, top, right, bottom], …]} in pixels,
then the picture's bytes, four a pixel: blue, green, red, none. Lives under the limits of the
reading process.
"""

import ctypes
import json
import sys
import threading

from app.documents.reading import child

_TALLEST = 8_000  # pixels


def main(arguments: list[str]) -> int:
    path, number, width, boxes = arguments
    child._limit()
    threading.Thread(target=child._watch, daemon=True).start()
    sys.addaudithook(child._refuse)
    import pypdfium2
    import pypdfium2.raw as pdfium

    document = pypdfium2.PdfDocument(path)
    if document.get_formtype() != pdfium.FORMTYPE_NONE:
        document.init_forms()
    page = document[int(number) - 1]
    scale = min(int(width) / page.get_width(), _TALLEST / page.get_height())
    bitmap = page.render(scale=scale, prefer_bgrx=True)

    def place(x: float, y: float) -> tuple[int, int]:
        across, down = ctypes.c_int(), ctypes.c_int()
        size = bitmap.width, bitmap.height
        pdfium.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, across, down)
        return across.value, down.value

    placed = []
    for left, bottom, right, top in json.loads(boxes):
        a, b = place(left, bottom), place(right, top)
        placed.append([min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])])
    header = {
        "width": bitmap.width,
        "height": bitmap.height,
        "stride": bitmap.stride,
        "boxes": placed,
    }
    sys.stdout.buffer.write(json.dumps(header).encode("ascii") + b"\n")
    sys.stdout.buffer.write(bytes(bitmap.buffer))
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Amounts as people read them: bytes, tokens, speeds. Standard library only."""


def bytes_in_words(count: float) -> str:
    """Decimal units, as macOS counts them: "13.8 GB", "58 MB"."""
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            value = count / size
            return f"{value:.1f} {unit}" if unit == "GB" and value < 100 else f"{value:.0f} {unit}"
    return f"{count / 1000:.0f} kB"


def tokens_in_words(count: int) -> str:
    """With a comma at the thousands: "131,072"."""
    return f"{count:,}"


def speed_in_words(tokens_per_s: float) -> str:
    """Whole tokens from ten on; below that a tenth matters."""
    digits = 0 if tokens_per_s >= 9.95 else 1
    return f"{tokens_per_s:.{digits}f} tokens/s"

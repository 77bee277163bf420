"""Makes text from files and from the user safe to print."""

import unicodedata

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """Replace control, direction and undecodable characters by �, which leaves one line.

    File names may contain newlines, terminal escapes and marks that reverse the reading direction.
    """
    return "".join(
        "�" if c in _BIDI or unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} else c
        for c in text
    )

"""Text of the platform as it can be written into a file: without control characters."""

import re

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_LINE_END = re.compile("\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]")
# Characters that no font draws (controls, lone surrogates, noncharacters), and characters that
# reorder the text around them (bidirectional embeddings, overrides, isolates).
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufff9-\uffff]"
)


def printable(text: str) -> str:
    """Return the text with each line end as a newline and each unprintable character as U+FFFD."""
    if text.isascii() and text.isprintable():
        return text  # most texts: this saves time
    return _UNPRINTABLE.sub(REPLACEMENT, _LINE_END.sub("\n", text))

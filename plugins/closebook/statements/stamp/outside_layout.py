"""The reasons why a statement is not stamped: the first renderer makes its document."""


class OutsideLayout(Exception):  # not an error: the first renderer makes the document
    """The statement is one that the first renderer has to make.

    ``reason`` is one of REASONS, by which a run counts such statements.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


REASONS = {
    "two-meanings": "A glyph that stands for two characters.",
    "empty-text": "An empty text where the layout has one.",
    "many-lines": "Too many lines for the memory, or parts whose pages have rows at their breaks.",
    "rows-at-page-breaks": "Rows at page breaks in an order that no probe has.",
    "text-direction": "A sentence around a text of another direction.",
    "character": "A text that Pango does not set completely, or characters that no font has.",
    "placed-marks": "A letter with marks that the font places by itself.",
    "tall-line": "A text in a font with taller lines, which would move what is below it.",
    "does-not-fit": "A text that needs more lines than its place has.",
    "details-of-a-line": "A line with a rate of interest, on a page from right to left.",
    "long-holder": "A name and address that are printed in a small font.",
    "tall-row": "A row that does not fit on a page with its heads.",
    "rare-layout": "A layout that too few statements have to be worth its compilation.",
    "not-compiled": "A layout whose probes could not be understood.",
    "read-back": "A page that did not say what the statement says.",
}
"""Why the first renderer makes a document, by the reason's code."""

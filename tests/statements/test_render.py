"""The page says what the statement says, all of it, as text, and fetches nothing."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from pypdf import PdfReader

from closebook.errors import Misconfigured, WrongData
from closebook.money import format_minor
from closebook.statements.model import Statement
from closebook.statements.render import printable, render, renderer_version
from tests.statements.samples import HOLDER, entry, many, statement

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"


def pages(document: bytes) -> list[str]:
    """Each page's text as poppler reads it, laid out as on paper."""
    text = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=document, capture_output=True, check=True
    ).stdout.decode()
    return text.split("\f")[:-1]


def printed_amount(amount_minor: int) -> str:
    return format_minor(amount_minor, "EUR", "en_GB", with_currency=False)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def words_of(document: PdfReader) -> str:
    """The document's text in the order of its content, as pypdf reads it."""
    return "".join(page.extract_text() for page in document.pages)


class Listener:
    """A server on the loopback that remembers who asked."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listener.requests.append(self.path)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    thread = threading.Thread(target=listening.server.serve_forever)
    thread.start()
    yield listening
    listening.server.shutdown()
    thread.join()
    listening.server.server_close()


@pytest.fixture(scope="module")
def long() -> tuple[Statement, list[str]]:
    made = many(70)
    return made, pages(render(made))


def test_every_line_stands_on_the_page_with_its_amount_and_balance(
    long: tuple[Statement, list[str]],
) -> None:
    made, printed = long
    rows = "\n".join(printed).splitlines()
    for line in made.lines:
        (row,) = [row for row in rows if line.reference in row]
        amount = printed_amount(abs(line.amount_minor))
        balance = printed_amount(line.balance_minor)
        assert re.search(rf"{line.reference}\s+{amount}\s+{balance}$", row)
        assert f"{line.posted_on.day} Oct 2026" in row


def test_debits_and_credits_stand_in_their_own_columns(long: tuple[Statement, list[str]]) -> None:
    made, printed = long
    for page in printed:
        rows = page.splitlines()
        head = next(row for row in rows if "Debit" in row and "Credit" in row)
        end_of_debit = head.index("Debit") + len("Debit") + 3
        for line in made.lines:
            for row in rows:
                if line.reference in row:
                    amount = format_minor(
                        abs(line.amount_minor), "EUR", "en_GB", with_currency=False
                    )
                    end = row.index(amount, row.index(line.reference)) + len(amount)
                    assert (end <= end_of_debit) == (line.amount_minor < 0)


def test_every_page_has_the_heads_the_account_and_its_number(
    long: tuple[Statement, list[str]],
) -> None:
    _, printed = long
    assert len(printed) > 2
    for number, page in enumerate(printed, start=1):
        assert f"Page {number} of {len(printed)}" in page
        assert re.search(r"Date\s+Description\s+Reference\s+Debit\s+Credit\s+Balance", page)
        assert f"Account {HOLDER.account_number}" in page


def test_the_totals_stand_in_the_summary_and_the_closing_row(
    long: tuple[Statement, list[str]],
) -> None:
    made, printed = long
    first, last = printed[0], printed[-1]
    for label, value in (
        ("Opening balance", made.opening_minor),
        (r"Credits \d+", made.credit_minor),
        (r"Debits \d+", made.debit_minor),
        ("of which fees", made.fee_minor),
    ):
        assert re.search(rf"{label}\s+{printed_amount(value)}", first)
    closing = printed_amount(made.closing_minor)
    assert re.search(rf"Closing balance\s+EUR.{closing}", first)
    assert re.search(rf"31 Oct 2026\s+Closing balance\s+{closing}", last)


@pytest.mark.parametrize("rows_before", range(6, 14))
def test_a_wrapped_row_is_never_split_over_two_pages(rows_before: int) -> None:
    words = [f"word{number:02d}" for number in range(40)]
    made = statement(*(entry(100) for _ in range(rows_before)), entry(-1, " ".join(words)))
    homes = {n for n, page in enumerate(pages(render(made))) for word in words if word in page}
    assert len(homes) == 1


def test_a_row_taller_than_a_page_loses_no_word() -> None:
    words = [f"word{number:04d}" for number in range(900)]
    printed = "\n".join(pages(render(statement(entry(-1, " ".join(words))))))
    assert [word for word in words if word not in printed] == []


def test_an_account_without_movements_says_so() -> None:
    (page,) = pages(render(statement(opening_minor=12_345)))
    assert "There were no movements in this period." in page
    assert "No fees were charged in this period." in page
    assert len(re.findall(r"123\.45", page)) >= 4


def test_a_negative_balance_has_a_real_minus() -> None:
    (page,) = pages(render(statement(entry(-150_000))))
    assert re.search(r"T480001\s+1,500\.00\s+−500\.00", page)
    assert re.search(r"Closing balance\s+EUR.−500\.00", page)


@pytest.mark.parametrize(
    ("currency", "amount", "balance"), [("JPY", "1,234", "101,234"), ("KWD", "1.234", "101.234")]
)
def test_the_minor_unit_is_that_of_the_currency(currency: str, amount: str, balance: str) -> None:
    (page,) = pages(render(statement(entry(1234), currency=currency)))
    assert re.search(rf"T480001\s+{amount}\s+{balance}$", page, re.MULTILINE)


def test_numbers_follow_the_locale_of_the_holder() -> None:
    (page,) = pages(render(statement(entry(-234_567), holder=replace(HOLDER, locale="de_DE"))))
    assert re.search(r"T480001\s+2\.345,67\s+−1\.345,67", page)


@pytest.mark.parametrize(
    ("currency", "largest_minor", "written"),
    [
        ("EUR", 99_999_999_999, "999,999,999.99"),
        ("EUR", 8_888_888_888_888, "88,888,888,888.88"),
        ("JPY", 88_888_888_888, "88,888,888,888"),
        ("KWD", 888_888_888_888, "888,888,888.888"),
        ("KWD", 88_888_888_888, "88,888,888.888"),
    ],
)
def test_an_amount_never_wraps(currency: str, largest_minor: int, written: str) -> None:
    made = statement(
        entry(largest_minor), entry(-largest_minor), opening_minor=0, currency=currency
    )
    (page,) = pages(render(made))
    assert re.search(rf"T480001\s+{written}\s+{written}$", page, re.MULTILINE)
    assert re.search(rf"T480002\s+{written}\s+0", page)


def test_the_largest_amounts_stay_in_their_columns() -> None:
    made = statement(entry(9 * 10**18), entry(-18 * 10**18), opening_minor=0)
    (page,) = pages(render(made))
    assert re.search(
        r"T480002\s+180,000,000,000,000,000\.00\s+−90,000,000,000,000,000\.00$", page, re.MULTILINE
    )


@pytest.mark.parametrize(
    "name",
    [
        "Σωκράτης Παπαδόπουλος",
        "Кузнецова Анна",
        "नीलम शर्मा",
        "佐藤花子",
        "王小明",
        "김민준",
        "Žofie Příhodová",
        "فاطمة",
        "רחל",
    ],
)
def test_names_in_many_scripts_are_set_in_fonts_that_have_them(name: str) -> None:
    document = render(statement(entry(-5, name), holder=replace(HOLDER, name=name)))
    embedded = {
        str(font.get_object()["/BaseFont"]).partition("+")[2]
        for page in PdfReader(BytesIO(document)).pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
    }
    assert embedded
    assert all(font.startswith("Noto") for font in embedded), embedded
    text = words_of(PdfReader(BytesIO(document)))
    assert squeezed(name)[:3] in squeezed(text) or squeezed(name)[::-1][:3] in squeezed(text)


def test_figures_are_set_in_the_text_font_and_emoji_as_pictures() -> None:
    plain, cheerful = (render(statement(entry(-5, text))) for text in ("Gift 1", "Gift 🎁"))
    assert "EUR 999.95" in pages(plain)[0].replace("\N{NO-BREAK SPACE}", " ")
    assert b"NotoColorEmoji" not in plain
    assert len(cheerful) > len(plain)


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=file:///etc/passwd>",
    "</td></tr></table><h1>Paid</h1>",
    "{{7*7}} {% raw %} {# gone #}",
    "<link rel=attachment href=file:///etc/passwd>",
    "<style>@page{size:1cm}</style>",
    "&lt;b&gt; &amp; \"quotes' --> <![CDATA[ <!--",
    "W" * 500,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_shows_as_text(text: str) -> None:
    made = statement(
        entry(-1, text, counterparty=text), holder=replace(HOLDER, name=text, address=text)
    )
    document = PdfReader(BytesIO(render(made)))
    printed = squeezed(words_of(document))
    assert printed.count(squeezed(text)) == 4
    assert not document.attachments
    assert "root:" not in printed


def test_hostile_text_fetches_nothing(listener: Listener) -> None:
    texts = [
        f"<img src={listener.url}/img>",
        f"<style>@import '{listener.url}/css'</style>",
        f"url({listener.url}/url)",
        f"<link rel=stylesheet href={listener.url}/link>",
        f"<base href={listener.url}/><object data={listener.url}/object>",
        f"<svg><image href='{listener.url}/svg'/></svg>",
    ]
    made = statement(
        *(entry(-1, text, counterparty=text) for text in texts),
        holder=replace(HOLDER, name=texts[0], address="\n".join(texts), account_number=texts[1]),
    )
    printed = squeezed(
        "".join(page.extract_text() for page in PdfReader(BytesIO(render(made))).pages)
    )
    assert all(squeezed(text) in printed for text in texts)
    assert listener.requests == []


@pytest.mark.parametrize(
    "addition",
    [
        "<img src='{url}/img' alt='x'>",
        "<img src='file:///etc/passwd' alt='x'>",
        "<img src='data:image/svg+xml,<svg/>' alt='x'>",
        "<link rel=stylesheet href='{url}/css'>",
        "<link rel=attachment href='{url}/attachment'>",
        "<p style='background: url({url}/background)'>x</p>",
    ],
)
def test_a_page_that_asks_for_an_address_is_not_made(
    addition: str, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = changed_template(tmp_path, "statement.html.j2", monkeypatch)
    content = page.read_text(encoding="utf-8")
    added = addition.format(url=listener.url)
    page.write_text(content.replace("</body>", f"{added}</body>"), encoding="utf-8")
    with pytest.raises(WrongData, match="account 77 was not made"):
        render(statement())
    assert listener.requests == []


@pytest.mark.parametrize(
    "addition",
    ["@import url('{url}/import');", "@font-face {{ font-family: x; src: url('{url}/font') }}"],
)
def test_a_style_sheet_that_asks_for_an_address_is_a_wrong_setting(
    addition: str, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = changed_template(tmp_path, "statement.css", monkeypatch)
    content = sheet.read_text(encoding="utf-8")
    sheet.write_text(addition.format(url=listener.url) + content, encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"statement\.css asks for a http address"):
        render(statement())
    assert listener.requests == []


def changed_template(folder: Path, file: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    copytree(TEMPLATES / "statement", folder / "statement")
    monkeypatch.setenv("CLOSEBOOK_TEMPLATES", str(folder))
    return folder / "statement" / "v1" / file


def test_missing_templates_are_a_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSEBOOK_TEMPLATES", str(tmp_path))
    with pytest.raises(Misconfigured, match="CLOSEBOOK_TEMPLATES"):
        render(statement())


def test_what_has_no_picture_is_replaced_and_the_rest_stays() -> None:
    assert printable("a\x00b\x1bc\x7fd\ud800e\ufffef") == "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf"
    assert printable("Ab\u202ecd\u2066") == "Ab\ufffdcd\ufffd"
    assert printable("one\r\ntwo\u2028three\x0bfour") == "one\ntwo\nthree\nfour"
    assert printable("e\u0301 नी \u200f 👩\u200d👧\tx") == "e\u0301 नी \u200f 👩\u200d👧\tx"


def test_control_characters_do_not_break_the_document() -> None:
    (page,) = pages(render(statement(entry(-1, "nul\x00 esc\x1b[31m rtl\u202e lone\ud800"))))
    assert "nul\ufffd esc\ufffd[31m rtl\ufffd lone\ufffd" in page


def test_the_same_statement_gives_the_same_bytes_in_another_process() -> None:
    program = (
        "import sys; from hashlib import sha256;"
        "from closebook.statements.render import render;"
        "from tests.statements.samples import many;"
        "render(many(3));"
        "sys.stdout.write(sha256(render(many(40))).hexdigest())"
    )
    here = sha256(render(many(40))).hexdigest()
    for seed in ("1", "2"):
        elsewhere = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=os.environ
            | {
                "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}",
                "PYTHONHASHSEED": seed,
                "TZ": "Asia/Tokyo",
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert elsewhere == here


def test_another_version_gives_other_bytes() -> None:
    assert render(many(1)) != render(replace(many(1), version=2))


def test_the_document_is_tagged_titled_dated_and_in_a_language() -> None:
    document = PdfReader(BytesIO(render(many(2))))
    catalog: dict[str, Any] = document.root_object
    assert catalog["/MarkInfo"] == {"/Marked": True}
    assert catalog["/Lang"] == "en"
    assert b'pdfuaid:part="1"' in catalog["/Metadata"].get_data()
    assert document.metadata is not None
    account = HOLDER.account_number
    assert document.metadata.title == f"Account statement 1–31 Oct 2026, account {account}"
    assert str(document.metadata.creation_date_raw).startswith("D:20261102")


def test_the_renderer_is_named_with_its_versions() -> None:
    assert re.fullmatch(r"weasyprint \d+\.\d+, pango \d+\.\d+\.\d+", renderer_version())


def test_importing_the_module_does_not_load_the_renderer() -> None:
    program = (
        "import sys; import closebook.statements.render, closebook.statements.documents;"
        "sys.exit('weasyprint' in sys.modules or 'airflow' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT / "plugins")},
        check=True,
    )

"""Names and descriptions come from strangers: they are printed as text, and nothing is fetched."""

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copytree

import pytest

from closebook.errors import Misconfigured, WrongData
from closebook.statements.printable import printable
from closebook.statements.render.document import render
from tests.statements.rendered_pdf import TEMPLATES, content, opened, pages, rendered, squeezed
from tests.statements.samples import HOLDER, entry, statement


class Listener:
    """A server on the loopback interface that keeps the path of each request."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listener.requests.append(self.path)
                self.send_response(302 if self.path == "/redirect" else 200)
                self.send_header("Location", "file:///etc/passwd")
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


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=file:///etc/passwd>",
    "</td></tr></table><h1>Paid</h1>",
    "{{7*7}} {% raw %} {# gone #}",
    "<link rel=attachment href=file:///etc/passwd>",
    "<style>@page{size:1cm}</style>",
    "&lt;b&gt; &amp; \"quotes' --> <![CDATA[ <!--",
    "W" * 500,
    "<a href='javascript:alert(1)'>pay</a>",
    "<img src=\"data:image/svg+xml,<svg onload='x'/>\">",
    '<img src=\'data:image/svg+xml,<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>&c;\'>',
    f"<img src='data:image/png;base64,{'QUFB' * 100}'>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_printed_as_text(text: str) -> None:
    made = statement(
        entry(-1, text, counterparty=text), holder=replace(HOLDER, name=text, address=text)
    )
    printed = squeezed(content(made))
    assert printed.count(squeezed(text)) == 4
    assert set(opened(made).attachments) == {"statement.csv", "statement.xml"}
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
    printed = squeezed(content(made))
    assert all(squeezed(text) in printed for text in texts)
    assert listener.requests == []


@pytest.mark.parametrize(
    "addition",
    [
        "<img src='{url}/img' alt='x'/>",
        "<img src='{url}/redirect' alt='x'/>",
        "<img src='file:///etc/passwd' alt='x'/>",
        "<img src='data:image/svg+xml,%3Csvg/%3E' alt='x'/>",
        "<link rel='stylesheet' href='{url}/css'/>",
        "<link rel='attachment' href='{url}/attachment'/>",
        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>"
        "<image href='{url}/svg' width='9' height='9'/></svg>",
        "<object data='{url}/object'></object>",
        "<img src='data:image/png;base64,AAAA' alt='x'/>",
        "<p style='background: url({url}/background)'>x</p>",
    ],
)
def test_a_page_that_asks_for_an_address_is_refused(
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


@pytest.mark.parametrize("addition", ["<br>", "{{ holder.name | safe }}"])
def test_a_template_with_missing_escapes_or_end_tags_is_a_wrong_setting(
    addition: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = changed_template(tmp_path, "statement.html.j2", monkeypatch)
    content = page.read_text(encoding="utf-8")
    page.write_text(content.replace("</body>", f"{addition}</body>"), encoding="utf-8")
    with pytest.raises(Misconfigured, match="no well-formed XML"):
        render(statement(holder=replace(HOLDER, name="<script>alert(1)")))


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


def test_unprintable_characters_are_replaced_and_all_others_stay() -> None:
    assert printable("a\x00b\x1bc\x7fd\ud800e\ufffef") == "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf"
    assert printable("Ab\u202ecd\u2066") == "Ab\ufffdcd\ufffd"
    assert printable("one\r\ntwo\u2028three\x0bfour") == "one\ntwo\nthree\nfour"
    assert printable("e\u0301 नी \u200f 👩\u200d👧\tx") == "e\u0301 नी \u200f 👩\u200d👧\tx"


def test_control_characters_do_not_break_the_document() -> None:
    printed = content(statement(entry(-1, "nul\x00 esc\x1b[31m rtl\u202e lone\ud800")))
    assert squeezed("nul\ufffd esc\ufffd[31m rtl\ufffd lone\ufffd") in squeezed(printed)


def test_stacked_marks_stay_within_their_line() -> None:
    made = statement(entry(-1, "Z" + "\u0335\u0321\u0322\u0301" * 40), entry(-2, "next"))
    (page,) = pages(made)
    assert rendered(made).replaced_count == 1
    assert re.search(r"next +T480002 +0\.02", page)


STACKS = {
    "Khmer": "\u1780" + "\u17d2\u1780" * 40,
    "Khmer with joiners": "\u1780" + "\u17d2\u200d\u1780" * 40,
    "Khmer with fillers": "\u1780" + "\u17d2\u17b4\u1780" * 40,
    "Burmese": "\u1000" + "\u1039\u1000" * 40,
    "Lanna": "\u1a20" + "\u1a60\u1a20" * 40,
    "Chakma": "\U00011103" + "\U00011133\U00011103" * 40,
}


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS.keys())
def test_letters_below_letters_are_bounded_as_marks_are(stack: str) -> None:
    made = statement(entry(-1, stack), entry(-2, "next"))
    assert rendered(made).replaced_count == 1
    # Six below the first one, however many there are in the text.
    assert 1 <= content(made).count(stack[0]) <= 7
    assert "next" in content(made)


@pytest.mark.parametrize("word", ["ស្ត្រី", "លក្ស្មណ", "သင်္ဘောများ", "ဗုဒ္ဓဘာသာ", "कार्त्स्न्य", "བསྒྲུབས་"])
def test_a_word_with_letters_below_letters_is_printed_whole(word: str) -> None:
    assert rendered(statement(entry(-1, word))).replaced_count == 0


def test_text_that_overrides_its_direction_moves_no_amount() -> None:
    made = statement(entry(-150, "\u202e\u2067\u202b moved"), entry(-2, "\u200f\u200f next"))
    (page,) = pages(made)
    assert re.search(r"��� moved +T480001 +1\.50 +998\.50$", page, re.MULTILINE)
    assert re.search(r"T480002 +0\.02 +998\.48$", page, re.MULTILINE)

"""A brand's own words and blocks: they fall back, and what the platform says is escaped."""

import logging
from pathlib import Path

import pytest

from closebook.errors import Misconfigured
from closebook.statements.render.brand import OURS
from closebook.statements.render.brand_blocks import VARIABLES
from closebook.statements.render.template import statement_template
from closebook.statements.render.view_model import statement_view
from tests.statements.brands import (
    branded,
    loaded,
    opened,
    text_of,
    write_brand,
)
from tests.statements.samples import entry, kinds, many, of, statement


def test_a_brand_changes_single_words_and_adds_a_language(tmp_path: Path) -> None:
    folder = write_brand(
        tmp_path / "brand",
        files={
            "words/de.toml": 'account_statement = "Monatsbrief"\n',
            "words/fi.toml": 'account_statement = "Tiliote"\nbalance = "Saldo"\n',
        },
    )
    german = text_of(branded(statement(holder=of("de_DE")), folder).pdf)
    assert "Monatsbrief" in german
    assert "Anfangssaldo" in german
    finnish = branded(statement(holder=of("fi_FI")), folder).pdf
    assert str(opened(finnish).Root.Lang) == "fi"
    printed = text_of(finnish)
    assert "Tiliote" in printed
    assert "Opening balance" in printed
    assert any(
        warning.startswith("fi: document_title, account, ") for warning in loaded(folder).warnings
    )


def test_a_text_without_its_placeholders_is_closebooks_own_and_gives_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_brand(
        tmp_path / "brand",
        files={
            "words/en.toml": 'corrected = "Corrected"\nfees_charged = "{amount} {count} {0}"\n'
            'page_of = "{pages}/{page}"\naccount = "{"\ngone = "old"\n'
        },
    )
    with caplog.at_level(logging.WARNING):
        printed = text_of(branded(kinds()["corrected"], folder).pdf)
    assert "This corrected statement replaces version 1" in printed
    assert "Page 1 of 2" in printed
    assert "Fees of this period" in printed
    for word in ("corrected", "fees_charged", "page_of", "account"):
        assert f"words/en.toml: {word} = " in caplog.text
    assert "words/en.toml: nothing prints gone" in caplog.text


@pytest.mark.parametrize(
    "text", ["{title:>40}", "{period!x} {account}", "{period.year} {account}", "{period[0]}"]
)
def test_a_placeholder_in_another_form_is_not_used(text: str, tmp_path: Path) -> None:
    words = f'document_title = "{text}"\npage_of = "{{page:>40}} of {{pages}}"\n'
    folder = write_brand(tmp_path / "brand", files={"words/en.toml": words})
    printed = text_of(branded(many(1), folder).pdf)
    assert "Page 1 of 1" in printed
    told = "\n".join(loaded(folder).warnings)
    assert "words/en.toml: document_title = " in told
    assert "words/en.toml: page_of = " in told


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("words/en.toml", "account: take out U\\+0000, U\\+202E, which no font can print"),
        ("words/fi.toml", "account: take out"),
        ("notices/a.toml", "account: take out"),
    ],
)
def test_a_text_that_cannot_be_printed_is_named(file: str, said: str, tmp_path: Path) -> None:
    text = 'account = "Acc\\u0000ount\\u202e"\n'
    folder = write_brand(tmp_path / "brand", files={file: text})
    with pytest.raises(Misconfigured, match=f"{file}: {said}"):
        loaded(folder)


def test_the_texts_of_the_platform_are_escaped_in_a_brands_blocks(tmp_path: Path) -> None:
    block = (
        "<p>{{ lines[0].description }}|{{ lines[0].description|upper }}|"
        '{{ (lines[0].description|e)|replace("&lt;", "<") }}</p>'
        "{% set kept %}{{ lines[0].description }}{% endset %}<p>{{ kept }}</p>"
    )
    folder = write_brand(tmp_path / "brand", files={"blocks/before_lines.html.j2": block})
    made = statement(entry(-1, '<img src="http://127.0.0.1:9/a"/>&amp;'))
    printed = text_of(branded(made, folder).pdf, "-raw")
    assert printed.count('<img src="http://127.0.0.1:9/a"/>&amp;') >= 2


@pytest.mark.parametrize(
    "block",
    [
        "{{ holder.name|safe }}",
        "{{ holder.name|map('safe')|join }}",
        "{% autoescape false %}{{ holder.name }}{% endautoescape %}",
        "{% include 'statement.html.j2' %}",
        "{% import 'page_numbers.html.j2' as other %}",
        "{% block lines %}{% endblock %}",
        "{% endblock %}{{ holder.name }}{% block other %}",
        "{{ holder.name.translate({65: '<'}) }}",
        "{{ (holder.name|e).__class__.__mro__ }}",
        "{{ holder.__init__.__globals__ }}",
        "{{ 1 / 0 }}",
        "<p>{{ holder.name }}",
        "<script>1</script>",
        "<a href='http://example.com'>a</a>",
        "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "<!-- {{ holder.name }} -->",
        "{% if %}",
    ],
)
def test_a_block_that_breaks_the_rules_makes_no_document(block: str, tmp_path: Path) -> None:
    folder = write_brand(tmp_path / "brand", files={"blocks/notes.html.j2": block})
    with pytest.raises(Misconfigured):
        branded(many(1), folder)


def test_a_name_that_a_later_version_lacks_prints_nothing_and_gives_a_warning(
    tmp_path: Path,
) -> None:
    folder = write_brand(
        tmp_path / "brand",
        files={
            "blocks/notes.html.j2": "<p>a{{ holder.shoe_size }}{{ weather.today }}"
            "{{ catalog.gone }}{{ words.no_such }}z{% if page.nothing %}y{% endif %}</p>",
            "blocks/gone.html.j2": "<p>gone</p>",
        },
    )
    printed = text_of(branded(many(1), folder).pdf)
    assert "az" in printed
    told = "\n".join(loaded(folder).warnings)
    for name in ("holder.shoe_size", "variable weather", "catalog.gone", "page.nothing"):
        assert name in told
    assert "no file of words has no_such" in told
    assert "blocks/gone.html.j2 is not used: the page has no such block, but after_lines" in told


def test_words_of_a_brands_own_are_printed_by_its_blocks(tmp_path: Path) -> None:
    folder = write_brand(
        tmp_path / "brand",
        files={
            "words/en.toml": 'hours = "Open from nine"\n',
            "words/de.toml": 'balance = "Stand"\n',
            "blocks/notes.html.j2": "{{ super() }}<p>{{ words.hours }}</p>",
        },
    )
    assert loaded(folder).warnings == ()
    printed = text_of(branded(statement(holder=of("de_DE")), folder).pdf)
    assert "Open from nine" in printed
    assert "Zu diesem Auszug" in printed


def test_a_block_without_a_value_that_is_verified_makes_no_document(tmp_path: Path) -> None:
    folder = write_brand(
        tmp_path / "brand", files={"blocks/overview.html.j2": "<p>{{ totals.closing }}</p>"}
    )
    with pytest.raises(Misconfigured, match="data-role=opening, credits, debits, fees, closing"):
        branded(many(1), folder)


def test_the_variables_that_blocks_may_use_are_those_of_the_page() -> None:
    view = statement_view(kinds()["corrected"], statement_template())
    given = {
        name: {*value} if isinstance(value, dict) else {*value.__dataclass_fields__}
        for name, value in view.variables.items()
        if name not in ("catalog", "words")
    }
    named_here = {name: {*has} for name, has in VARIABLES.items() if name not in ("part", "brand")}
    assert named_here == given
    assert {*VARIABLES["brand"]} == {*OURS.__dataclass_fields__}

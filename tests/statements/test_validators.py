"""veraPDF and page-validation find nothing wrong in a statement of any kind, signed or not."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO

import pikepdf
import pytest

from closebook.settings.signing_settings import KeyFile, Timestamping
from closebook.statements.model import Statement
from closebook.statements.render.brand import OURS
from closebook.statements.render.catalog import language_tag, page_locale
from closebook.statements.signing.signer import Signer
from tests.statements.authorities import authorities
from tests.statements.certificates import new_key
from tests.statements.names_in_scripts import NAMES
from tests.statements.rendered_pdf import TEMPLATES, rendered
from tests.statements.samples import corrected, entry, kinds, many, of, statement
from tests.statements.signed_pdf import sign
from tests.statements.validators import page_validation, verapdf

LANGUAGES = sorted(path.stem for path in (TEMPLATES / "statement" / "v1" / "catalogs").glob("*.*"))


def cases() -> Iterator[tuple[str, Statement]]:
    """A statement of each kind, in each language, and in every script."""
    yield from kinds().items()
    few = (entry(-123_456, "Miete", counterparty="Hausverwaltung"), entry(5, day=31))
    for language in LANGUAGES:
        yield language, statement(*few, holder=of(language))
        yield f"{language}, corrected", corrected(statement(*few, holder=of(language)))
    every = (entry(-5, name, counterparty=script) for script, name in NAMES.items())
    yield "every script", statement(*every)
    yield "40 lines", many(40)
    yield "41 lines", many(41)
    yield "no lines in Arabic", statement(holder=of("ar_EG"))


CASES = dict(cases())


@pytest.mark.parametrize("name", list(CASES))
def test_validators_find_nothing_wrong(name: str) -> None:
    pdf = rendered(CASES[name]).pdf
    assert page_validation(pdf) == []
    assert verapdf(pdf) == []


@pytest.mark.parametrize("name", ["one line", "no movements", "right to left", "in parts"])
def test_validators_find_nothing_wrong_in_a_signed_statement(name: str, signer: Signer) -> None:
    pdf = signer.sign(rendered(CASES[name]).pdf).pdf
    assert page_validation(pdf) == []
    assert verapdf(pdf) == []


def test_validators_find_nothing_wrong_in_a_long_term_signature(
    key_file: Callable[..., KeyFile], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with authorities(tmp_path_factory.mktemp("authorities")) as running:
        plain = key_file(running.identity(new_key("ec")))
        key = replace(plain, timestamping=Timestamping(running.url, running.roots))
        pdf = sign(key, rendered(many(3)).pdf).pdf
    assert verapdf(pdf) == []
    # It expects the first signature to cover the timestamp that was added later.
    [found] = page_validation(pdf)
    assert "BYTERANGE" in found


def test_every_language_of_the_template_is_among_the_cases() -> None:
    template = TEMPLATES / "statement" / "v1"

    def texts_of(holder_locale: str) -> str | None:
        return language_tag(template, OURS, page_locale(template, OURS, holder_locale))

    assert len(LANGUAGES) >= 21
    assert {each: texts_of(each) for each in LANGUAGES} == {each: each for each in LANGUAGES}


def test_validators_find_a_missing_structure_tree() -> None:
    """Else no test of this file could fail."""
    with pikepdf.open(BytesIO(rendered(many(3)).pdf)) as document:
        del document.Root.StructTreeRoot
        output = BytesIO()
        document.save(output)
    assert re.search("PDFUA|7.1", "\n".join(page_validation(output.getvalue())))
    assert any(each.startswith(("ua1", "3a")) for each in verapdf(output.getvalue()))

"""The texts of a page in the languages that there are: a catalog file for each language.

A text that the brand does not have, or that does not fit, is taken from the template's folder; then
from the folder that belongs to this code; then it is English. So a text that a new version of
Closebook adds is printed also where somebody's own folder does not have it yet.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from string import Formatter

from babel import Locale

from closebook.money import locale_of
from closebook.package_data import data_folder
from closebook.statements.holder_reasons import HOLDER_REASONS
from closebook.statements.printable import printable
from closebook.statements.render.brand import Brand

TEMPLATE_VERSION = "v1"
FOLDER = "catalogs"
_DEFAULT = Locale("en", "GB")
_DEFAULT_TAG = "en"
_LONGEST_LANGUAGE = 8
_TRADITIONAL = ("TW", "HK", "MO")


@dataclass(frozen=True, slots=True)
class Catalog:
    """The texts of one language. Names in braces are filled in by ``str.format``.

    No text has a number in a sentence, so no text needs a plural form.
    """

    account_statement: str
    document_title: str
    account: str
    account_line: str
    period: str
    currency: str
    issued: str
    version: str
    corrected: str
    correction_reason: str
    entries_posted_late: str
    entries_corrected: str
    entries_missing: str
    fees_corrected: str
    opening_balance_corrected: str
    details_corrected: str
    daily_balance: str
    daily_balance_text: str
    from_to: str
    opening_balance: str
    closing_balance: str
    credits: str
    debits: str
    of_which_fees: str
    transactions: str
    date: str
    description: str
    counterparty: str
    reference: str
    debit: str
    credit: str
    balance: str
    no_movements: str
    fees: str
    fees_charged: str
    no_fees: str
    about: str
    about_amounts: str
    about_minus: str
    about_compare: str
    about_attachments: str
    replaced: str
    page_of: str
    statement_number: str
    value_date: str
    carried_forward: str
    brought_forward: str
    page_total: str
    kind_totals: str
    interest: str
    registration: str
    regulator: str
    telephone: str
    web: str
    overdraft_limit: str
    customer_reference: str
    interest_rate: str

    def holder_texts(self, code: str | None, text: str | None) -> list[str]:
        """Return what a holder reads as the reason of a correction; nothing if there is none.

        ``code`` is one of HOLDER_REASONS, ``text`` the text of the run.
        """
        texts = [getattr(self, code)] if code is not None and code in HOLDER_REASONS else []
        texts += [text] if text else []
        return [self.correction_reason.format(reason=texts[0]), *texts[1:]] if texts else []


@dataclass(frozen=True, slots=True)
class Language:
    """The texts of one language: those of the page, and those that the brand has added.

    ``warnings`` say which texts of a file are not used, and which are taken from another file.
    """

    tag: str
    catalog: Catalog
    added: Mapping[str, str]
    warnings: tuple[str, ...]


def page_locale(folder: Path, brand: Brand, holder_locale: str) -> Locale:
    """Return the locale of a page's texts and dates.

    It is the holder's locale where there are texts of its language, otherwise English.
    """
    found = locale_of(holder_locale)
    return found if language_tag(folder, brand, found) is not None else _DEFAULT


@lru_cache(maxsize=512)
def language_tag(folder: Path, brand: Brand, locale: Locale) -> str | None:
    """Return the name of the texts for a locale, such as ``de`` or ``zh-Hant``, or None."""
    script = locale.script
    if locale.language == "zh" and script is None:
        script = "Hant" if locale.territory in _TRADITIONAL else "Hans"
    for tag in (
        *(f"{locale.language}-{more}" for more in (script, locale.territory) if more),
        locale.language,
    ):
        if tag in brand.words or (folder / FOLDER / f"{tag}.toml").is_file():
            return tag
    return None


def missing_language(folder: Path, brand: Brand, holder_locale: str) -> str | None:
    """Return the holder's language if there are no texts of it, so that the page is in English.

    None if there are texts, or if the holder has no locale. For a locale that does not exist,
    return its first letters.
    """
    asked = holder_locale.replace("-", "_").partition("_")[0].lower()[:_LONGEST_LANGUAGE]
    found = locale_of(holder_locale)
    if language_tag(folder, brand, found) is None:
        return found.language
    is_other = found.language == _DEFAULT_TAG and asked not in ("", _DEFAULT_TAG)
    return printable(asked) if is_other else None


@lru_cache(maxsize=128)
def load_language(folder: Path, brand: Brand, tag: str) -> Language:
    """Return the texts of a language, each from the first place that has it, and the warnings."""
    ours = data_folder("templates") / "statement" / TEMPLATE_VERSION
    english = _texts_of(ours, _DEFAULT_TAG)
    layers = [
        (f"words/{tag}.toml", brand.words.get(tag, {})),
        (f"{folder / FOLDER / tag}.toml", _texts_of(folder, tag)),
        (f"{ours / FOLDER / tag}.toml", _texts_of(ours, tag)),
    ]
    names = [field.name for field in fields(Catalog)]
    texts, warnings = dict[str, str](), list[str]()
    for place, layer in layers:
        warnings += _unfit(place, layer, english)
        for name in names:
            if name in layer and _fits(name, layer[name], english[name]):
                texts.setdefault(name, layer[name])
    missing = [name for name in names if name not in texts]
    if missing:
        warnings.append(
            f"{tag}: {', '.join(missing)} are not there, and stand in English: write them into "
            f"words/{tag}.toml of the brand"
        )
    if folder != ours:
        known = {name for _, layer in layers[:2] for name in layer}
        lacking = [name for name in names if name not in known and name in texts]
        if lacking and layers[1][1]:
            warnings.append(f"{layers[1][0]} lacks {', '.join(lacking)}: Closebook's own are used")
        warnings += [
            f"{layers[1][0]}: nothing prints {name}" for name in layers[1][1] if name not in names
        ]
    catalog = Catalog(**{name: texts.get(name, english[name]) for name in names})
    of_english = brand.words.get(_DEFAULT_TAG, {})
    added = {
        name: text
        for name, text in ({**of_english, **brand.words.get(tag, {})}).items()
        if name not in names
    }
    return Language(tag, catalog, added, tuple(warnings))


def load_catalog(folder: Path, brand: Brand, locale: Locale) -> Catalog:
    """Return the texts for the locale of a page."""
    return load_language(folder, brand, language_tag(folder, brand, locale) or _DEFAULT_TAG).catalog


def known_texts() -> frozenset[str]:
    """Return the names of the texts of a page."""
    return frozenset(field.name for field in fields(Catalog))


@lru_cache(maxsize=64)
def _texts_of(folder: Path, tag: str) -> Mapping[str, str]:
    file = folder / FOLDER / f"{tag}.toml"
    if not file.is_file():
        return {}
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _unfit(place: str, layer: Mapping[str, str], english: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each text whose names in braces are not those of the English text."""
    for name, text in layer.items():
        if name in english and not _fits(name, text, english[name]):
            wanted = ", ".join(f"{{{it}}}" for it in _placeholders(english[name])) or "no braces"
            yield (
                f"{place}: {name} = {text!r} is not used: it must have {wanted}, as the English "
                f"text {english[name]!r} has"
            )


def _fits(name: str, text: str, english: str) -> bool:
    try:
        found, wanted = _placeholders(text), _placeholders(english)
    except ValueError:
        return False
    # The page's number is drawn before the count of pages.
    return found == wanted if name == "page_of" else sorted(set(found)) == sorted(set(wanted))


def _placeholders(text: str) -> list[str]:
    """Return what stands in braces: a name, and a form such as ``>40``, which fits no text."""
    return [
        f"{name}{'!' if conversion else ''}{conversion or ''}{':' if form else ''}{form}"
        for _, name, form, conversion in Formatter().parse(text)
        if name is not None
    ]

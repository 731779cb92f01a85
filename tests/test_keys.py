"""A key as text: in addresses, names of files, references, and in what an error names."""

import re

import pytest

from closebook.desk.search import StatementKey, statement_url
from closebook.environment import key_types
from closebook.errors import Misconfigured
from closebook.keys import (
    Key,
    KeyType,
    KeyTypes,
    file_part,
    from_path_part,
    label,
    path_part,
    reference,
    short_reference,
)

UUID = "0188d6f2-7d3e-7c1a-9b1f-5a2b3c4d5e6f"
LONG = "x" * 10_000
HOSTILE = [
    "users:1",
    "a/b",
    "../../etc/passwd",
    ".",
    "..",
    "...",
    ".hidden",
    "trailing.",
    " ",
    "a b\tc\nd",
    'it\'s "quoted"',
    "%2e%2e%2f",
    "~2e",
    "~",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "\u202eabc\u202c",
    "Zoë 王",
    "e\u0301",
    "\u00e9",
    "A",
    "a",
    "CON",
    "-5",
    "5-EUR",
    "none-1",
    "?x=1#y",
    "\\\\host\\share",
    "x" * 200,
]
NUMBERS = [0, 5, -5, 2**63 - 1, -(2**63)]


@pytest.mark.parametrize("key", HOSTILE)
def test_a_text_is_a_part_of_a_path_and_of_a_file_name_on_every_system(key: str) -> None:
    part = path_part(key)
    assert re.fullmatch(r"[a-z0-9._~-]+", part)
    assert part.strip(".") == part
    assert from_path_part(part, KeyType.TEXT) == key
    assert len(file_part(key)) <= 120
    assert re.fullmatch(r"[a-z0-9._~-]+", file_part(key))


def test_no_two_keys_have_one_form_even_where_case_does_not_count() -> None:
    keys = [*HOSTILE, "x" * 199, "Ö" * 100, "ö" * 100, UUID, UUID.upper(), UUID.replace("-", "")]
    for form in (path_part, file_part, reference, short_reference, label):
        forms = [form(key) for key in keys]
        if form in (path_part, file_part):
            forms = [each.casefold() for each in forms]
        assert len(set(forms)) == len(keys)


@pytest.mark.parametrize("part", ["", "A", "~", "~2", "~2E", "a~41 ", "~61", "..", ".", "~ff", "é"])
def test_only_the_form_of_a_key_is_read_again(part: str) -> None:
    assert from_path_part(part, KeyType.TEXT) is None


@pytest.mark.parametrize("key", NUMBERS)
def test_a_number_is_written_as_ever(key: int) -> None:
    assert path_part(key) == file_part(key) == reference(key) == short_reference(key) == str(key)
    assert from_path_part(str(key), KeyType.BIGINT) == key


@pytest.mark.parametrize(
    ("key_type", "text", "key"),
    [
        (KeyType.BIGINT, "5", 5),
        (KeyType.BIGINT, "05", None),
        (KeyType.BIGINT, "-0", None),
        (KeyType.BIGINT, "9223372036854775808", None),
        (KeyType.BIGINT, "\u0665", None),
        (KeyType.BIGINT, "users:1", None),
        (KeyType.INTEGER, "2147483647", 2147483647),
        (KeyType.INTEGER, "2147483648", None),
        (KeyType.UUID, UUID, UUID),
        (KeyType.UUID, UUID.upper(), UUID),
        (KeyType.UUID, UUID[:-1], None),
        (KeyType.TEXT, "users:1", "users:1"),
        (KeyType.TEXT, "", None),
        (KeyType.TEXT, "none", None),
        (KeyType.TEXT, "a\0b", None),
        (KeyType.TEXT, "x" * 201, None),
    ],
)
def test_what_a_person_writes_is_a_key_of_the_stores_type(
    key_type: KeyType, text: str, key: Key | None
) -> None:
    assert key_type.parse(text) == key


@pytest.mark.parametrize("key", [*HOSTILE, UUID, LONG])
def test_a_reference_fits_the_xml_and_is_no_markup_or_formula(key: str) -> None:
    for text, longest in ((reference(key), 35), (short_reference(key), 20)):
        assert len(text) <= longest
        assert re.fullmatch(r"[A-Za-z0-9/?:().,'+ _#@~-]+", text)


def test_a_uuid_can_be_read_in_its_reference() -> None:
    assert reference(UUID) == "~u0188d6f27d3e7c1a9b1f5a2b3c4d5e6f"


def test_a_long_key_is_named_by_its_start_and_hash() -> None:
    assert label("x" * 200) == "x" * 200
    assert len(label(LONG)) < 80
    assert label(LONG).startswith("x" * 40 + " (too long, sha256 ")


@pytest.mark.parametrize("key", HOSTILE)
def test_a_statement_of_the_desk_is_found_by_its_form(key: str) -> None:
    named = StatementKey(7, key, "EUR")
    assert StatementKey.parse(str(named), KeyType.TEXT) == named
    assert statement_url(key, 7, "EUR") == f"/statements/7/{path_part(key)}/EUR"


def test_the_setting_names_the_types() -> None:
    assert key_types("") is None
    assert key_types(" accounts = uuid, entries=text ") == KeyTypes(
        accounts=KeyType.UUID, entries=KeyType.TEXT
    )


@pytest.mark.parametrize(
    "text",
    [
        "uuid",
        "accounts",
        "accounts=",
        "accounts=numeric",
        "wallets=uuid",
        "accounts=uuid,accounts=text",
        "=uuid",
    ],
)
def test_a_setting_that_cannot_be_understood_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="accounts=uuid,entries=text"):
        key_types(text)

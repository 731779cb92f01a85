"""A signed document is registered with both of its hashes, and is never signed twice."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from closebook.errors import WrongData
from closebook.settings import Settings
from closebook.settings.signing_settings import KeyFile
from closebook.sql import query
from closebook.statements.archive import Archive, MadeDocument
from closebook.statements.document_store import DocumentStore
from closebook.statements.render.document import render
from closebook.statements.signing.key_loader import load_signer
from closebook.statements.statement_reader import read_statement
from closebook.store.session import on_store
from tests.books import Books
from tests.close_fixtures import RUN
from tests.closes.month_documents import documents, manifest_of, render_all, stored
from tests.closes.october import OCTOBER
from tests.statements.certificates import PASSPHRASE, identity


@pytest.fixture
def signing(settings: Settings, tmp_path: Path) -> Settings:
    """The settings of an institution that signs its statements."""
    path = tmp_path / "signing.p12"
    path.write_bytes(identity("ec").pkcs12)
    return replace(settings, signing_key=KeyFile(path, PASSPHRASE))


def test_a_signed_document_is_registered_with_the_hashes_of_its_signed_and_unsigned_form(
    settings: Settings, signing: Settings, books: Books, close_id: int
) -> None:
    render_all(signing, close_id)

    signed = documents(books)
    for row in signed.values():
        content = stored(settings, row["object_name"]).read_bytes()
        assert sha256(content).hexdigest() == row["sha256"] != row["unsigned_sha256"]
        assert b"/ByteRange" in content
        before = content[: content.rindex(b"%%EOF", 0, content.rindex(b"%%EOF")) + 6]
        assert sha256(before).hexdigest() == row["unsigned_sha256"]
        assert len(row["certificate_sha256"]) == 64
    _, contents = manifest_of(settings, close_id)
    listed = {entry["account_id"]: entry["unsigned_sha256"] for entry in contents["statements"]}
    assert listed == {account: row["unsigned_sha256"] for account, row in signed.items()}


def test_a_signed_document_that_is_lost_has_to_come_from_a_backup(
    settings: Settings, signing: Settings, books: Books, close_id: int
) -> None:
    # Given a signed document whose file is lost: a new signature would make another file
    render_all(signing, close_id)
    before = documents(books)
    files = sorted(stored(settings, "statements").rglob("*.*"))
    stored(settings, before[2]["object_name"]).unlink()
    # When the shard is rendered again, then the error says so and no new file is left
    with pytest.raises(WrongData, match="CB-DATA-DOCUMENT-NOT-REPEATABLE"):
        render_all(signing, close_id)
    assert documents(books) == before
    left = set(stored(settings, "statements").rglob("*.*"))
    assert left == set(files) - {stored(settings, before[2]["object_name"])}


def test_two_processes_that_add_the_same_statement_leave_one_document(
    settings: Settings, signing: Settings, books: Books, close_id: int
) -> None:
    # Given a statement that two runs have rendered at the same time
    with on_store(settings) as one, on_store(settings) as other:
        row = one.execute(
            query("statement_documents/of_shard"),
            {"close_id": close_id, "first_account_id": 1, "last_account_id": 1}
            | {"account_ids": None},
        ).fetchone()
        assert row is not None
        statement = read_statement(one, settings, OCTOBER, row)
        rendered = render(statement)
        # When both add it to the archive
        for store in (one, other):
            store.commit()
            archive = Archive(
                store,
                DocumentStore(settings.documents_url),
                load_signer(signing.signing_key),
                OCTOBER,
                RUN,
            )
            assert archive.add_all([MadeDocument(statement, rendered)]) == [None]
            store.commit()
    # Then there is one file, which is the registered one
    [path] = stored(settings, "statements").rglob("*.pdf")
    assert str(path.relative_to(stored(settings, ""))) == documents(books)[1]["object_name"]

"""Compare documents with the manifest that was released.

The register's rows say which document an account's statement has. Whoever has the rights of the
database's owner can change a row; the released manifest is in the document store, under the hash
that a person released. So a document is handed out only if that manifest lists it for the account.
"""

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any, ClassVar

from closebook.errors import WrongData
from closebook.keys import statement_name
from closebook.statements.document_store import DocumentStore, sha256_of_name
from closebook.statements.manifest_document import ManifestDocument
from closebook.statements.manifest_entries import Entry, holder_hash

# Of 1.7 kB each in memory. A larger manifest is kept alone.
_MAX_ENTRIES = 100_000
_FACTS = ("currency", "opening_minor", "closing_minor", "line_count")

Row = Mapping[str, Any]


class NotAsReleased(WrongData):
    """The register or the document store differs from the manifest that was released."""

    def __init__(self, row: Row, what: str) -> None:
        super().__init__(
            "CB-DATA-NOT-AS-RELEASED",
            f"statement {_name(row)} is not handed out: {what}. "
            "Keep the reporting store as it is, and run `closebook audit`",
        )


class ReleasedManifests:
    """Reads manifests from a document store, and keeps the last few of this process in memory.

    A manifest is known by its sha256, so one that was read stays valid.
    """

    _known: ClassVar[OrderedDict[str, ManifestDocument]] = OrderedDict()
    _reading: ClassVar = Lock()

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    def of(self, row: Row) -> ManifestDocument | None:
        """Return the manifest that a row of the desk's queries names, or None if it names none.

        Raises WrongData if the document store does not have the manifest with the released hash.
        """
        digest, object_name = row["manifest_sha256"], row["manifest_object_name"]
        if digest is None or object_name is None:
            return None
        if sha256_of_name(object_name) != digest:  # guard: released.manifest-has-the-released-hash
            raise NotAsReleased(row, f"its manifest is {object_name}, and {digest} was released")
        # One at a time: a manifest of 100,000 statements takes 40 MB while it is read.
        with self._reading:
            found = self._known.get(digest)
            if found is None:
                found = ManifestDocument.read(
                    self._documents.read(object_name), self._documents.read
                )
                self._known[digest] = found
            self._known.move_to_end(digest)
            while (
                len(self._known) > 1
                and sum(each.held_count for each in self._known.values()) > _MAX_ENTRIES
            ):
                self._known.popitem(last=False)
        return found

    def entry(self, row: Row) -> Entry | None:
        """Return what the released manifest says of a statement, or None without a manifest.

        ``row`` has the ids, ``statement_version`` and the document of the statement, as the
        register has them, and any of its currency, balances, number of lines, account number and
        holder. Raises NotAsReleased if one of them is not as it was released.
        """
        manifest = self.of(row)
        if manifest is None:
            return None
        entry = manifest.entry(row["account_id"], row["currency"])
        if entry is None:
            raise NotAsReleased(row, f"the manifest {manifest.sha256} does not list it")
        require_as_released(row, entry)
        return entry


def _name(row: Row) -> str:
    return statement_name(row["close_id"], row["account_id"], row["currency"])


def require_as_released(row: Row, entry: Entry) -> None:
    """Raise NotAsReleased if a statement is not as its entry of the released manifest says."""
    for name in _FACTS:
        # guard: released.balances-are-as-released
        if name in row and row[name] != entry[name]:
            raise NotAsReleased(row, f"its {name} was changed after the release")
    if (row["close_id"], row["statement_version"]) != (
        # Manifests were once written without versions.
        entry.get("issued_close_id", row["close_id"]),
        entry.get("statement_version", row["statement_version"]),
    ):
        raise NotAsReleased(row, "another version of it was released")
    # guard: released.holder-is-as-released
    if (
        "holder_name" in row
        and entry.get("salt")
        and entry["holder_sha256"]
        != holder_hash(entry["salt"], row["account_number"], row["holder_name"])
    ):
        raise NotAsReleased(row, "its account number or holder was changed after the release")
    if row["object_name"] is None:
        if entry["sha256"] is not None:
            raise NotAsReleased(row, "its document was removed from the register")
        return
    # guard: released.document-is-as-released
    if not sha256_of_name(row["object_name"]) == row["sha256"] == entry["sha256"]:
        raise NotAsReleased(row, "the register names another document than was released")

"""The ZIPs of statements: of a released month, and of some statements.

Beside the PDFs and their proofs a ZIP has an index of them, as CSV and as JSON, and the attachments
if somebody asks for them. That of a month has also the manifest that was released, with its parts.
The others have none, since it lists the balances of all accounts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from zlib import crc32

from psycopg.rows import DictRow

from closebook.desk.months import month_label
from closebook.desk.statement_documents import refuse_other_attachment
from closebook.desk.zip_archive import Section, ZipArchive, ZipEntry, section_of, whole_at_once
from closebook.settings.desk_settings import DeskSettings
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.statements.manifest_document import proof_content
from closebook.statements.manifest_entries import Entry, tree_of
from closebook.statements.manifest_parts import FOLDER
from closebook.statements.released_documents import (
    NotAsReleased,
    ReleasedManifests,
    require_as_released,
)
from closebook.statements.released_plans import ReleasedPlan, released_plan
from closebook.statements.zip_plan import (
    INDEX_ENDS,
    INDEX_FORMS,
    INDEX_STARTS,
    PDF,
    PROOF,
    TWINS,
    Listed,
    PlanBlock,
    index_parts,
    listed_from,
)
from closebook.store.session import on_store


@dataclass(frozen=True)
class MonthZip:
    """The ZIP of a month as it was last released; ``release`` is the row of that release.

    It takes the memory of one block of the manifest, however many statements the month has.
    """

    settings: DeskSettings
    release: DictRow
    with_twins: bool

    @property
    def _documents(self) -> DocumentStore:
        return DocumentStore(self.settings.documents_url)

    def plan(self) -> ReleasedPlan:
        """Return the plan of the ZIP, once it was compared with the released manifest."""
        return released_plan(self._documents, self.release, self._listed)

    def archive(self) -> ZipArchive:
        """Return the ZIP. Raises WrongData if its first statements are not as released."""
        released = self.plan()
        plan, documents = released.plan, self._documents
        # So an error in a small month is shown as a page, before its ZIP begins.
        first_files = self._files(released, 0) if plan.blocks else ()
        blocks = [
            Section(
                block.files(with_twins=self.with_twins),
                partial(self._files, released, number) if number else lambda: first_files,
            )
            for number, block in enumerate(plan.blocks)
        ]
        indexes = [
            ZipEntry(
                f"index.{form}",
                plan.index_bytes(form),
                partial(self._index, released, form),
                plan.index_crc32[form],
            )
            for form in INDEX_FORMS
        ]
        manifest = ZipEntry(
            "manifest.json",
            released.byte_count,
            partial(documents.pieces, self.release["manifest_object_name"]),
            released.crc32,
        )
        identity = f"{self.release['manifest_sha256']} twins {self.with_twins}"
        month = released.head.month
        parts = [
            ZipEntry(
                f"{FOLDER}/{part.sha256}.json",
                part.byte_count,
                partial(documents.pieces, part.object_name(month)),
                part.crc32,
            )
            for part in released.parts
        ]
        last = section_of([*indexes, manifest, *parts])
        return ZipArchive([*blocks, last], self.release["first_date"], identity)

    def _block(
        self, released: ReleasedPlan, number: int
    ) -> tuple[Sequence[Entry], Mapping[object, DictRow]]:
        """Return the entries of a block, and the rows of those that have a document."""
        block = released.plan.blocks[number]
        content = self._documents.read_part(
            block.object_name or self.release["manifest_object_name"],
            block.first_byte,
            block.byte_count,
        )
        entries = block.entries(released.head.month, content)
        return entries, self._rows(entries)

    def _rows(self, entries: Sequence[Entry]) -> Mapping[object, DictRow]:
        """Return the register's rows of the entries that have a document.

        Raises NotAsReleased if one is missing, or is not as its entry says.
        """
        issued = [entry for entry in entries if entry["sha256"] is not None]
        with on_store(self.settings) as store:
            found = store.execute(
                query("desk/released_files"),
                {
                    "close_id": self.release["close_id"],
                    "account_ids": [entry["account_id"] for entry in issued],
                    "currencies": [entry["currency"] for entry in issued],
                },
                # A query plan that PostgreSQL keeps for any parameters would read whole tables.
                prepare=False,
            ).fetchall()
        rows: dict[object, DictRow] = {
            (row["account_id"], row["currency"]): _file_row(row) for row in found
        }
        for entry in issued:
            key = (entry["account_id"], entry["currency"])
            if key not in rows:  # guard: released.month-is-complete
                missing = {"close_id": self.release["close_id"], **entry}
                raise NotAsReleased(missing, "the register lacks it, and it was released")
            require_as_released(rows[key], entry)  # guard: desk.zip-is-as-released
        return rows

    def _listed(self, entries: Sequence[Entry]) -> list[Listed]:
        rows, month = self._rows(entries), month_label(self.release)
        keys = [(each["account_id"], each["currency"]) for each in entries if each["sha256"]]
        return [listed_from(rows[key], month) for key in keys]

    def _files(self, released: ReleasedPlan, number: int) -> Sequence[ZipEntry]:
        entries, rows = self._block(released, number)
        block, head = released.plan.blocks[number], released.head
        tree, upper_path = tree_of(head.month, entries), released.upper_tree.audit_path(number)
        files: list[ZipEntry] = []
        for place, entry in enumerate(entries):
            row = rows.get((entry["account_id"], entry["currency"]))
            if row is None:
                continue
            proof = None
            if head.root:
                path = [*tree.audit_path(place), *upper_path]
                index = block.first_entry + place
                proof = proof_content(head, released.signature, entry, index, path)
            listed = listed_from(row, month_label(self.release))
            files += _files_of(
                self._documents, listed, row, entry, proof, with_twins=self.with_twins
            )
        return files

    def _index(self, released: ReleasedPlan, form: str, first_byte: int) -> Iterator[bytes]:
        """Yield the index in one form from a byte on. Blocks before it are not read."""
        place = 0
        is_first = True

        def parts() -> Iterator[tuple[int, bytes | PlanBlock]]:
            yield len(INDEX_STARTS[form]), INDEX_STARTS[form]
            for block in released.plan.blocks:
                yield block.index_bytes[form], block
            yield len(INDEX_ENDS[form]), INDEX_ENDS[form]

        for byte_count, part in parts():
            if place + byte_count > first_byte:
                content = part if isinstance(part, bytes) else b""
                if isinstance(part, PlanBlock):
                    content = index_parts(
                        form, self._block_listed(released, part), is_first=is_first
                    )
                yield content[max(first_byte - place, 0) :]
            if isinstance(part, PlanBlock):
                is_first = is_first and not part.sizes[PDF].file_count
            place += byte_count

    def _block_listed(self, released: ReleasedPlan, block: PlanBlock) -> list[Listed]:
        content = self._documents.read_part(
            block.object_name or self.release["manifest_object_name"],
            block.first_byte,
            block.byte_count,
        )
        return self._listed(block.entries(released.head.month, content))


def archive_of_some(
    documents: DocumentStore, rows: Sequence[DictRow], *, with_twins: bool
) -> ZipArchive:
    """Return the ZIP of some statements.

    Raises WrongData for a statement that is not as it was released.
    """
    manifests = ReleasedManifests(documents)
    files: list[ZipEntry] = []
    all_listed: list[Listed] = []
    for row in map(_file_row, rows):
        entry = manifests.entry(row)  # guard: desk.part-zip-is-as-released
        manifest = None if entry is None else manifests.of(row)
        proof = None if manifest is None else manifest.proof(row["account_id"], row["currency"])
        listed = listed_from(row, month_label(row))
        all_listed.append(listed)
        files += _files_of(documents, listed, row, entry, proof, with_twins=with_twins)
    for form in INDEX_FORMS:
        lines = index_parts(form, all_listed, is_first=True)
        files.append(_file(f"index.{form}", INDEX_STARTS[form] + lines + INDEX_ENDS[form]))
    identity = sha256("".join(f"{each.stem} {each.sha256}\n" for each in all_listed).encode())
    return ZipArchive(
        [section_of(files)],
        max(row["first_date"] for row in rows),
        f"{identity.hexdigest()} twins {with_twins}",
    )


def _file_row(row: DictRow) -> DictRow:
    twin_bytes = {media_type: twin["byte_count"] for media_type, twin in row["twins"].items()}
    return {**row, "twin_bytes": twin_bytes}


def _files_of(
    documents: DocumentStore,
    listed: Listed,
    row: DictRow,
    entry: Entry | None,
    proof: bytes | None,
    *,
    with_twins: bool,
) -> Iterator[ZipEntry]:
    """Yield the files of one statement, in the order of `zip_plan.KINDS`."""
    yield ZipEntry(
        listed.stem + PDF,
        row["byte_count"],
        whole_at_once(partial(documents.read, row["object_name"])),
        row["crc32"],
    )
    if proof is not None:
        yield _file(listed.stem + PROOF, proof)
    for kind, media_type in TWINS.items() if with_twins else ():
        twin = row["twins"].get(media_type)
        if twin is not None:
            yield ZipEntry(
                listed.stem + kind,
                twin["byte_count"],
                whole_at_once(partial(_twin, documents, row, entry, media_type)),
                twin["crc32"],
            )


def _file(file_name: str, content: bytes) -> ZipEntry:
    return ZipEntry(file_name, len(content), whole_at_once(lambda: content), crc32(content))


def _twin(documents: DocumentStore, row: DictRow, entry: Entry | None, media_type: str) -> bytes:
    content = documents.read(row["twins"][media_type]["object_name"])
    if entry is not None:
        refuse_other_attachment(row, entry, media_type, content, documents)
    return content

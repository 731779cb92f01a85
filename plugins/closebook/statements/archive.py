"""The archive of a month's statements: each document is signed, registered and stored."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from zlib import crc32

from psycopg.types.json import Jsonb

from closebook.errors import WrongData
from closebook.keys import label
from closebook.periods import Period
from closebook.settings import Run
from closebook.sql import query
from closebook.statements.document_store import DocumentStore, StoredDocument
from closebook.statements.model import Statement
from closebook.statements.render.document import RenderedStatement
from closebook.statements.signing.signer import Signer
from closebook.statements.validator import NO_SAMPLE, SampleCheck
from closebook.store.session import Store


@dataclass(frozen=True, slots=True)
class MadeDocument:
    """A statement's document that was made.

    ``registered_name`` is None for a new one. Otherwise the register has the document already and
    the document store has lost it: the same bytes are stored again.
    """

    statement: Statement
    rendered: RenderedStatement
    registered_name: str | None = None


@dataclass(frozen=True)
class Archive:
    """Adds the documents of one month to the register and to the document store.

    ``signer`` is None where statements are not signed. ``run`` is the Airflow run that the
    register names for each document. ``sample`` checks some of the documents.
    """

    store: Store
    documents: DocumentStore
    signer: Signer | None
    month: Period
    run: Run
    sample: SampleCheck = field(default=NO_SAMPLE)

    def add_all(self, documents: Sequence[MadeDocument]) -> list[WrongData | None]:
        """Sign some documents, register them, and store them with their attachments.

        All of them are registered in one transaction, which is committed when all files are on the
        disk. When two processes add the same statement at once, one of them adds it and the other
        one changes nothing. Returns, for each document, the WrongData for which it was not added,
        or None. One such document does not keep the others out.
        """
        outcomes: list[WrongData | None] = [None] * len(documents)
        signed: list[_SignedDocument] = []
        for place, each in enumerate(documents):
            try:
                signed.append(self._signed(place, each))
            except WrongData as error:
                outcomes[place] = error
        try:
            if signed:
                self._file(signed)
        except WrongData:
            # One of them cannot be stored: the others can.
            for one in signed:
                try:
                    self._file([one])
                except WrongData as error:
                    outcomes[one.place] = error
        return outcomes

    def _signed(self, place: int, document: MadeDocument) -> "_SignedDocument":
        """Sign a document. Raises WrongData when a lost one has other bytes than it had."""
        statement, registered_name = document.statement, document.registered_name
        pdf, signature_columns = self._sign(document.rendered.pdf)
        stored = self.documents.name_of(pdf, folder=self._folder, suffix="pdf")
        # guard: documents.lost-one-is-not-replaced
        if registered_name not in {None, stored.object_name}:
            raise WrongData(
                "CB-DATA-DOCUMENT-NOT-REPEATABLE",
                f"{self.month}: the document of account {label(statement.account_id)} is lost, and "
                f"this installation makes a different file now: restore {registered_name} from "
                "a backup",
            )
        conformance = self.sample.conformance_of(
            pdf,
            document.rendered.conformance,
            f"the statement of account {label(statement.account_id)}",
        )
        columns = signature_columns | {"conformance": conformance, "crc32": crc32(pdf)}
        return _SignedDocument(place, document, pdf, stored, columns)

    def _file(self, signed: Sequence["_SignedDocument"]) -> None:
        """Register some documents and store them, all or none of them."""
        with self.store.transaction():
            fingerprints = (each.made.rendered.renderer for each in signed)
            renderers = {each.sha256: each for each in fingerprints}
            for sha256, renderer in sorted(renderers.items()):
                self.store.execute(
                    query("statement_documents/insert_renderer"),
                    asdict(renderer)
                    | {"renderer_sha256": sha256, "typefaces": Jsonb(renderer.typefaces)},
                )
            added = [each for each in signed if self._is_to_be_stored(each)]
            twins = [
                (each.made.statement, attachment)
                for each in added
                for attachment in each.made.rendered.attachments
            ]
            contents = [(each.pdf, "pdf") for each in added]
            contents += [(twin.content, twin.name.rpartition(".")[2]) for _, twin in twins]
            stored = self.documents.put_all(contents, folder=self._folder)[len(added) :]
            with self.store.cursor() as cursor:
                cursor.executemany(
                    query("statement_documents/insert_twin"),
                    [
                        {
                            "close_id": statement.close_id,
                            "account_id": statement.account_id,
                            "currency": statement.currency,
                            "media_type": twin.media_type,
                            "crc32": crc32(twin.content),
                            **asdict(file),
                        }
                        for (statement, twin), file in zip(twins, stored, strict=True)
                    ],
                )

    def _is_to_be_stored(self, signed: "_SignedDocument") -> bool:
        """Register a document; return whether its files have to be written."""
        is_new = self._register(signed)
        # guard: documents.lost-one-is-kept-again
        return is_new or signed.made.registered_name is not None

    @property
    def _folder(self) -> str:
        return f"statements/{self.month.label}"

    def _sign(self, pdf: bytes) -> tuple[bytes, dict[str, str | int | None]]:
        """Return the PDF, signed if there is a signer, and the register's columns about that."""
        if self.signer is None:
            return pdf, {"unsigned_sha256": None, "certificate_sha256": None}
        signed = self.signer.sign(pdf)
        return signed.pdf, {
            "unsigned_sha256": signed.unsigned_sha256,
            "certificate_sha256": signed.certificate_sha256,
        }

    def _register(self, signed: "_SignedDocument") -> bool:
        """Add the document to the register; return False when the register had it already."""
        statement, rendered = signed.made.statement, signed.made.rendered
        renderer = rendered.renderer
        added = self.store.execute(
            query("statement_documents/insert"),
            {
                "close_id": statement.close_id,
                "account_id": statement.account_id,
                "currency": statement.currency,
                **asdict(signed.stored),
                "template_version": renderer.template_version,
                "renderer_version": renderer.renderer_version,
                "renderer_sha256": renderer.sha256,
                "replaced_count": rendered.replaced_count,
                **signed.columns,
                "run_id": self.run.run_id,
                "requested_by": self.run.requested_by,
            },
        )
        return added.rowcount == 1  # guard: documents.one-of-two-files-it


@dataclass(frozen=True, slots=True)
class _SignedDocument:
    """A document that is to be filed: its place among the given ones, and its columns."""

    place: int
    made: MadeDocument
    pdf: bytes
    stored: StoredDocument
    columns: dict[str, str | int | None]

"""The archive of a month's statements: each document is signed, registered and stored."""

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

    def add(
        self, statement: Statement, rendered: RenderedStatement, registered_name: str | None
    ) -> None:
        """Sign a statement's document, register it, and store it with its attachments.

        ``registered_name`` is None for a new document. Otherwise the register has the document
        already and the document store has lost it: the same bytes are stored again. When two
        processes add the same statement at once, one of them adds it and the other one changes
        nothing. Raises WrongData when a lost document cannot be made again with the same bytes.
        """
        folder = f"statements/{self.month.label}"
        pdf, signature_columns = self._sign(rendered.pdf)
        document = self.documents.name_of(pdf, folder=folder, suffix="pdf")
        # guard: documents.lost-one-is-not-replaced
        if registered_name not in {None, document.object_name}:
            raise WrongData(
                "CB-DATA-DOCUMENT-NOT-REPEATABLE",
                f"{self.month}: the document of account {label(statement.account_id)} is lost, and "
                f"this installation makes a different file now: restore {registered_name} from "
                "a backup",
            )
        conformance = self.sample.conformance_of(
            pdf, rendered.conformance, f"the statement of account {label(statement.account_id)}"
        )
        with self.store.transaction():
            is_new = self._register(
                statement,
                rendered,
                document,
                signature_columns | {"conformance": conformance, "crc32": crc32(pdf)},
            )
            if not is_new and registered_name is None:  # guard: documents.lost-one-is-kept-again
                return
            self.documents.put(pdf, folder=folder, suffix="pdf")
            for attachment in rendered.attachments:
                suffix = attachment.name.rpartition(".")[2]
                stored = self.documents.put(attachment.content, folder=folder, suffix=suffix)
                self.store.execute(
                    query("statement_documents/insert_twin"),
                    {
                        "close_id": statement.close_id,
                        "account_id": statement.account_id,
                        "currency": statement.currency,
                        "media_type": attachment.media_type,
                        "crc32": crc32(attachment.content),
                        **asdict(stored),
                    },
                )

    def _sign(self, pdf: bytes) -> tuple[bytes, dict[str, str | int | None]]:
        """Return the PDF, signed if there is a signer, and the register's columns about that."""
        if self.signer is None:
            return pdf, {"unsigned_sha256": None, "certificate_sha256": None}
        signed = self.signer.sign(pdf)
        return signed.pdf, {
            "unsigned_sha256": signed.unsigned_sha256,
            "certificate_sha256": signed.certificate_sha256,
        }

    def _register(
        self,
        statement: Statement,
        rendered: RenderedStatement,
        document: StoredDocument,
        columns: dict[str, str | int | None],
    ) -> bool:
        """Add the document to the register; return False when the register had it already."""
        renderer = rendered.renderer
        self.store.execute(
            query("statement_documents/insert_renderer"),
            asdict(renderer)
            | {"renderer_sha256": renderer.sha256, "typefaces": Jsonb(renderer.typefaces)},
        )
        added = self.store.execute(
            query("statement_documents/insert"),
            {
                "close_id": statement.close_id,
                "account_id": statement.account_id,
                "currency": statement.currency,
                **asdict(document),
                "template_version": renderer.template_version,
                "renderer_version": renderer.renderer_version,
                "renderer_sha256": renderer.sha256,
                "replaced_count": rendered.replaced_count,
                **columns,
                "run_id": self.run.run_id,
                "requested_by": self.run.requested_by,
            },
        )
        return added.rowcount == 1  # guard: documents.one-of-two-files-it

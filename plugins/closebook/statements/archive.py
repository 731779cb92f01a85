"""The filing of a rendered statement: signed if it shall be, kept whole, and then registered."""

from dataclasses import asdict, dataclass

from psycopg.types.json import Jsonb

from closebook.errors import WrongData
from closebook.periods import Period
from closebook.settings import Run
from closebook.sql import query
from closebook.statements.document_store import Documents, StoredDocument
from closebook.statements.model import Statement
from closebook.statements.render.document import Rendered
from closebook.statements.signing.signer import Signer
from closebook.store.session import Store


@dataclass(frozen=True)
class Cabinet:
    """Where the statements of a month are filed, for which run, and who signs them, if anybody."""

    store: Store
    documents: Documents
    signer: Signer | None
    month: Period
    run: Run

    def file(self, statement: Statement, rendered: Rendered, registered_name: str | None) -> None:
        """Keep a statement's document and its twins, and register them.

        ``registered_name`` is that of the document that the register has already and the store
        has lost: the very same one is kept again. Of two that file a statement at once one does,
        and nothing of the other stays. Raises WrongData when what is lost is not made again.
        """
        folder = f"statements/{self.month.label}"
        pdf, seals = self._sealed(rendered.pdf)
        named = self.documents.named(pdf, folder=folder, suffix="pdf")
        # guard: documents.lost-one-is-not-replaced
        if registered_name not in {None, named.object_name}:
            raise WrongData(
                "CB-DATA-DOCUMENT-NOT-REPEATABLE",
                f"{self.month}: the document of account {statement.account_id} is lost, and it is "
                f"not made the same again by what renders now: bring {registered_name} back from a "
                "backup",
            )
        with self.store.transaction():
            # guard: documents.lost-one-is-kept-again
            if not self._register(statement, rendered, named, seals) and registered_name is None:
                return
            self.documents.put(pdf, folder=folder, suffix="pdf")
            for twin in rendered.twins:
                suffix = twin.name.rpartition(".")[2]
                kept = self.documents.put(twin.content, folder=folder, suffix=suffix)
                self.store.execute(
                    query("statement_documents/insert_twin"),
                    {
                        "close_id": statement.close_id,
                        "account_id": statement.account_id,
                        "media_type": twin.media_type,
                        **asdict(kept),
                    },
                )

    def _sealed(self, pdf: bytes) -> tuple[bytes, dict[str, str | None]]:
        """The file as it is sent, with the hash that it had before and the signer's certificate."""
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
        rendered: Rendered,
        named: StoredDocument,
        seals: dict[str, str | None],
    ) -> bool:
        """Whether the document is registered now and was not before."""
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
                **asdict(named),
                "template_version": renderer.template_version,
                "renderer_version": renderer.renderer_version,
                "renderer_sha256": renderer.sha256,
                "conformance": rendered.conformance,
                "replaced_count": rendered.replaced_count,
                **seals,
                "run_id": self.run.run_id,
                "requested_by": self.run.requested_by,
            },
        )
        return added.rowcount == 1  # guard: documents.one-of-two-files-it

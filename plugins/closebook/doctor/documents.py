"""One document, rendered, signed and stored on this worker, and removed again."""

from collections.abc import Iterator
from datetime import date
from functools import partial

from closebook.doctor.finding import Finding, Severity
from closebook.doctor.installation import Installation
from closebook.errors import ClosebookError
from closebook.settings import Settings
from closebook.statements.bounded_process import BoundedTask, Limits, run_within
from closebook.statements.document_store import DocumentStore
from closebook.statements.model import Holder, Issuer, Statement, StatementLine
from closebook.statements.render.document import render
from closebook.statements.render.template import statement_template
from closebook.statements.signing.key_loader import load_signer

_WHY = "Else it shows when the first month is rendered, which may be weeks from now."
_CONNECTION = (
    "bucket-connection-wrong",
    "Correct the Airflow connection that CLOSEBOOK_DOCUMENTS_URL names before the @, as the text "
    "says (docs/object-storage.md), for every worker.",
)
# By the code of the document store's error: the finding's code, and what mends it.
_OF_STORE = {
    "CB-CONFIG-BUCKET-REFUSED": (
        "bucket-refuses",
        "Correct login and password of the connection, or give its key s3:PutObject, s3:GetObject "
        "and s3:ListBucket on the bucket (docs/object-storage.md#what-each-key-may-do).",
    ),
    "CB-CONFIG-BUCKET-TOKEN-EXPIRED": (
        "bucket-token-expired",
        "Give the connection a new token, or a key or role that does not expire.",
    ),
    "CB-CONFIG-BUCKET-MISSING": (
        "bucket-missing",
        "Make the bucket, or correct its name in CLOSEBOOK_DOCUMENTS_URL.",
    ),
    "CB-CONFIG-BUCKET-REGION": (
        "bucket-in-another-region",
        "Set region_name in the connection's extra to the bucket's region.",
    ),
    "CB-CONFIG-BUCKET-CLOCK": (
        "bucket-clock",
        "Set this machine's clock, and let NTP keep it.",
    ),
    "CB-CONFIG-DOCUMENTS-OVERWRITTEN": (
        "documents-overwritten",
        "Use a server that has conditional writes (If-None-Match), or a newer version of it.",
    ),
    "CB-RETRY-BUCKET-UNREACHABLE": (
        "bucket-unreachable",
        "Start the bucket's server, let this worker through to it, or correct endpoint_url in the "
        "connection's extra.",
    ),
    "CB-RETRY-BUCKET-FAILED": (
        "bucket-fails",
        "Look at the log of the bucket's server; if it throttles (SlowDown), give it more room.",
    ),
    "CB-CONFIG-BUCKET-NO-CREDENTIALS": _CONNECTION,
    "CB-CONFIG-BUCKET-WITHOUT-TLS": _CONNECTION,
    "CB-CONFIG-BUCKET-NOT-VERIFIED": _CONNECTION,
    "CB-CONFIG-BUCKET-CERTIFICATES-UNREADABLE": _CONNECTION,
    "CB-CONFIG-CONNECTION-MISSING": _CONNECTION,
}
_OF_OTHER_STORE_ERRORS = (
    "documents-not-writable",
    "Let the workers' user write there (chown, or the credentials of the connection), on every "
    "worker; or correct CLOSEBOOK_DOCUMENTS_URL.",
)


def document_observations(installation: Installation) -> Iterator[Finding]:
    """Tell of fonts, templates, a key or a document store that a month would fail for."""
    settings = installation.settings
    pdf = b"A document that could not be rendered"
    try:
        [rendered] = run_within(
            Limits(), [BoundedTask("the doctor's document", partial(render, _statement(settings)))]
        )
        if isinstance(rendered, ClosebookError):
            raise rendered
        pdf = rendered.pdf
    except ClosebookError as error:
        yield _not_rendered(error)
    else:
        for warning in statement_template().warnings:
            yield Finding(
                code="brand-warning",
                subject="CLOSEBOOK_BRAND",
                what=warning,
                why="Statements are made, and look or read otherwise than their brand says.",
                mend="See docs/brands.md.",
                severity=Severity.WARNING,
            )
    if installation.has("signing_key"):
        try:
            signer = load_signer(settings.signing_key)
            pdf = pdf if signer is None else signer.sign(pdf).pdf
        except ClosebookError as error:
            yield Finding(
                code="document-not-signed",
                subject="CLOSEBOOK_SIGNING_CONNECTION",
                what=error.text,
                why=_WHY,
                mend="See docs/settings.md#the-signing-key.",
            )
    if installation.has("documents_url"):
        try:
            DocumentStore(settings.documents_url).try_out()
        except ClosebookError as error:
            # guard: doctor.class-of-a-bucket-error
            code, mend = _OF_STORE.get(error.code, _OF_OTHER_STORE_ERRORS)
            yield Finding(
                code=code, subject="CLOSEBOOK_DOCUMENTS_URL", what=error.text, why=_WHY, mend=mend
            )


def _not_rendered(error: ClosebookError) -> Finding:
    if error.code == "CB-CONFIG-FONTS-MISSING":
        return Finding(
            code="fonts-missing",
            subject="this worker",
            what=error.text,
            why=_WHY,
            mend="apt-get install fonts-noto-core fonts-noto-cjk fonts-symbola, on every worker.",
        )
    if error.code.startswith("CB-CONFIG-BRAND"):
        return Finding(
            code="brand-wrong",
            subject="CLOSEBOOK_BRAND",
            what=error.text,
            why=_WHY,
            mend="Correct the brand's folder as the text says (docs/brands.md), on every worker.",
        )
    return Finding(
        code="document-not-rendered",
        subject="this worker",
        what=error.text,
        why=_WHY,
        mend="Install requirements.txt of this version, and mount its templates/ (or correct "
        "CLOSEBOOK_TEMPLATES), on every worker.",
    )


def _statement(settings: Settings) -> Statement:
    """A statement of an account that does not exist, in several scripts."""
    day = date(2000, 1, 1)
    text = "Müller \N{EM DASH} 東京 \N{ARABIC LETTER ALEF}"
    line = StatementLine(1, 1, day, text, "1", None, "payment", 100, 100)
    holder = Holder("Nobody", "1 Doctor's Street", "0", "en_US")
    issuer = Issuer(settings.issuer_name, settings.issuer_address)
    return Statement(1, 1, 1, "EUR", day, day, "UTC", holder, issuer, 0, 100, (line,))

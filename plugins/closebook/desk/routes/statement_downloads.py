"""Downloads of one document of a statement."""

from fastapi import Request, Response

from closebook.desk.capacity import DOCUMENTS
from closebook.desk.desk_route import desk_router
from closebook.desk.downloads import document_response
from closebook.desk.statement_documents import (
    CAMT053,
    CSV,
    MT940,
    OFX,
    PDF,
    PROOF,
    OfPath,
    StatementPath,
    file_name,
    read_document,
    statement_proof,
)

router = desk_router(DOCUMENTS)


@router.get("/statements/{close_id}/{account}/{currency}/preview")
def preview(request: Request, path: OfPath) -> Response:
    """Return the PDF for a frame of the page."""
    row, content = read_document(request, path, PDF, "looked", "pdf")
    return document_response(content, PDF, file_name(row, "pdf"), inline=True)


@router.get("/statements/{close_id}/{account}/{currency}/pdf")
def pdf(request: Request, path: OfPath) -> Response:
    """Return the PDF as a file."""
    return _download(request, path, PDF, "pdf")


@router.get("/statements/{close_id}/{account}/{currency}/camt.053")
def camt053(request: Request, path: OfPath) -> Response:
    """Return the ISO 20022 XML as a file."""
    return _download(request, path, CAMT053, "xml")


@router.get("/statements/{close_id}/{account}/{currency}/csv")
def csv(request: Request, path: OfPath) -> Response:
    """Return the lines of the statement as a CSV file."""
    return _download(request, path, CSV, "csv")


@router.get("/statements/{close_id}/{account}/{currency}/mt940")
def mt940(request: Request, path: OfPath) -> Response:
    """Return the statement as MT940, if the installation makes it."""
    return _download(request, path, MT940, "sta")


@router.get("/statements/{close_id}/{account}/{currency}/ofx")
def ofx(request: Request, path: OfPath) -> Response:
    """Return the statement as OFX, if the installation makes it."""
    return _download(request, path, OFX, "ofx")


@router.get("/statements/{close_id}/{account}/{currency}/proof")
def proof(request: Request, path: OfPath) -> Response:
    """Return the proof that the statement is in its released month, as a file."""
    row, content = statement_proof(request, path)
    return document_response(content, PROOF, file_name(row, "proof.json"))


def _download(request: Request, path: StatementPath, media_type: str, suffix: str) -> Response:
    row, content = read_document(request, path, media_type, "downloaded", suffix)
    return document_response(content, media_type, file_name(row, suffix))

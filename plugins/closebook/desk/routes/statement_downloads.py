"""Downloads of one document of a statement."""

from fastapi import Request, Response

from closebook.desk.capacity import DOCUMENTS
from closebook.desk.desk_route import desk_router
from closebook.desk.downloads import document_response
from closebook.desk.statement_documents import (
    CAMT053,
    CSV,
    PDF,
    PROOF,
    Id,
    file_name,
    read_document,
    statement_proof,
)

router = desk_router(DOCUMENTS)


@router.get("/statements/{close_id}/{account_id}/preview")
def preview(request: Request, close_id: Id, account_id: Id) -> Response:
    """Return the PDF for a frame of the page."""
    row, content = read_document(request, close_id, account_id, PDF, "looked", "pdf")
    return document_response(content, PDF, file_name(row, "pdf"), inline=True)


@router.get("/statements/{close_id}/{account_id}/pdf")
def pdf(request: Request, close_id: Id, account_id: Id) -> Response:
    """Return the PDF as a file."""
    return _download(request, close_id, account_id, PDF, "pdf")


@router.get("/statements/{close_id}/{account_id}/camt.053")
def camt053(request: Request, close_id: Id, account_id: Id) -> Response:
    """Return the ISO 20022 XML as a file."""
    return _download(request, close_id, account_id, CAMT053, "xml")


@router.get("/statements/{close_id}/{account_id}/csv")
def csv(request: Request, close_id: Id, account_id: Id) -> Response:
    """Return the lines of the statement as a CSV file."""
    return _download(request, close_id, account_id, CSV, "csv")


@router.get("/statements/{close_id}/{account_id}/proof")
def proof(request: Request, close_id: Id, account_id: Id) -> Response:
    """Return the proof that the statement is in its released month, as a file."""
    row, content = statement_proof(request, close_id, account_id)
    return document_response(content, PROOF, file_name(row, "proof.json"))


def _download(
    request: Request, close_id: int, account_id: int, media_type: str, suffix: str
) -> Response:
    row, content = read_document(request, close_id, account_id, media_type, "downloaded", suffix)
    return document_response(content, media_type, file_name(row, suffix))

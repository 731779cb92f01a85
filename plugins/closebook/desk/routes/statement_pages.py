"""The pages of a statement's PDF as pictures with text, for browsers that cannot show a PDF."""

from typing import Annotated

from fastapi import HTTPException, Path, Request, Response
from fastapi.responses import HTMLResponse

from closebook.desk import pdf_preview
from closebook.desk.capacity import PICTURES
from closebook.desk.desk_route import desk_router
from closebook.desk.statement_documents import PDF, OfPath, read_document
from closebook.desk.templating import render_page

router = desk_router(PICTURES)

PageNumber = Annotated[int, Path(ge=1, lt=2**31)]


@router.get("/statements/{close_id}/{account}/{currency}/pages/{number}")
def statement_page(request: Request, path: OfPath, number: PageNumber) -> HTMLResponse:
    """Show the picture and the text of one page of the PDF."""
    row, content = read_document(request, path, PDF, "looked", f"page {number}")
    return render_page(
        request,
        "pages",
        statement=row,
        number=number,
        page_count=_page_count(content, number),
        text=pdf_preview.page_text(content, number),
    )


@router.get("/statements/{close_id}/{account}/{currency}/pages/{number}/picture")
def statement_page_picture(request: Request, path: OfPath, number: PageNumber) -> Response:
    """Return one page of the PDF as PNG."""
    part = f"picture of page {number}"
    _, content = read_document(request, path, PDF, "looked", part)
    _page_count(content, number)
    return Response(pdf_preview.page_picture(content, number), media_type="image/png")


def _page_count(content: bytes, number: int) -> int:
    """Return the number of pages. Raises HTTP 404 if the PDF has no page with this number."""
    count = pdf_preview.page_count(content)
    if number > count:
        raise HTTPException(404)
    return count

"""The first page of the desk: the pages that the user may open."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from closebook.desk.templating import render_page

router = APIRouter()


@router.get("/")
def home(request: Request) -> HTMLResponse:
    """Show the first page."""
    return render_page(request, "home")

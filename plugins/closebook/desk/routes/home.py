"""The first page of the desk: the pages that the user may open, and what waits there."""

from fastapi import Request
from fastapi.responses import HTMLResponse

from closebook.desk.capacity import PAGES
from closebook.desk.desk_route import desk_router
from closebook.desk.templating import render_page

router = desk_router(PAGES)


@router.get("/")
def home(request: Request) -> HTMLResponse:
    """Show the first page."""
    return render_page(request, "home")

"""The first page: what this person finds at the desk."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from closebook.desk.templating import page

router = APIRouter()


@router.get("/")
def home(request: Request) -> HTMLResponse:
    """The pages that the person may open."""
    return page(request, "home")

"""Changes come from the desk's own forms: each carries the token of the session that got it."""

from hmac import compare_digest
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from closebook.desk.current_user import Person

FORM_TOKEN = "form_token"  # noqa: S105  # the field's name


def person_asking(request: Request) -> Person:
    """The person that the gate let through."""
    person: Person = request.state.person
    return person


Asking = Annotated[Person, Depends(person_asking)]


async def require_form_token(request: Request) -> None:
    """Refuse a change without the token of the form; a dependency of the whole app."""
    if request.method == "GET":
        return
    sent = (await request.form()).get(FORM_TOKEN)
    expected = person_asking(request).form_token
    # guard: desk.csrf-token
    if not isinstance(sent, str) or not compare_digest(sent.encode(), expected.encode()):
        raise HTTPException(403, "the form is not of this session; load the page again")

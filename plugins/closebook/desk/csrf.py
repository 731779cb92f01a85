"""Protection against cross-site request forgery: each form has a token of the user's session."""

from hmac import compare_digest

from fastapi import HTTPException, Request

from closebook.desk.current_user import current_user

CSRF_FIELD = "csrf_token"


async def require_csrf_token(request: Request) -> None:
    """Refuse a request other than GET without the session's token. Every route depends on this."""
    if request.method == "GET":
        return
    token = (await request.form()).get(CSRF_FIELD)
    expected = current_user(request).csrf_token
    # guard: desk.csrf-token
    if not isinstance(token, str) or not compare_digest(token.encode(), expected.encode()):
        raise HTTPException(403, "This form is from another session. Load the page again.")

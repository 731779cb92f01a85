"""Who asks, and what Airflow lets them do at this very moment."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import new as hmac
from typing import Any

from cryptography.fernet import Fernet
from fastapi import HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials
from fastapi.security.utils import get_authorization_scheme_param

from closebook.desk.permissions import Permission

_ADMIN = "Admin"
_FORM_TOKEN = b"a form of the closebook desk"
_SEAL = b"a search at the closebook desk"


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in to Airflow.

    ``form_token`` is in each form that the person is shown; it is bound to their session, and
    nobody can make it who does not hold the session's secret. ``seal`` closes and opens what
    travels in the URLs of this session.
    """

    name: str
    granted: frozenset[Permission]
    form_token: str = field(repr=False)
    seal: Fernet = field(repr=False)

    def may(self, permission: Permission) -> bool:
        """Whether a role of theirs has the permission."""
        return permission in self.granted


async def person_of(request: Request, known: frozenset[Permission]) -> Person | None:
    """Say who asks, and which of the known permissions they have; None if nobody is logged in."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
    from airflow.api_fastapi.core_api.security import get_user

    scheme, bearer = get_authorization_scheme_param(request.headers.get("Authorization"))
    explicit = (
        HTTPAuthorizationCredentials(scheme=scheme, credentials=bearer)
        if scheme.lower() == "bearer"
        else None
    )
    try:
        user: Any = await get_user(request, None, explicit)
    except HTTPException:
        return None
    manager: Any = get_auth_manager()
    # FAB keeps a user for 30 s. A role that was taken away must be gone at once.
    manager.cache.pop(user.id, None)  # guard: desk.current-roles
    try:
        user = manager.deserialize_user({"sub": user.get_id()})
    except ValueError:
        return None
    secret = bearer if explicit else request.cookies[COOKIE_NAME_JWT_TOKEN]
    return Person(
        name=user.username,
        granted=frozenset(each for each in known if _is_granted(manager, user, each)),
        form_token=form_token(secret),
        seal=Fernet(urlsafe_b64encode(hmac(secret.encode(), _SEAL, sha256).digest())),
    )


def form_token(secret: str) -> str:
    """The token of the forms that the session with this secret is shown."""
    return hmac(secret.encode(), _FORM_TOKEN, sha256).hexdigest()


def _is_granted(manager: Any, user: Any, permission: Permission) -> bool:
    if not manager.is_authorized_custom_view(
        method=permission.action, resource_name=permission.resource, user=user
    ):
        return False
    return not permission.confidential or any(  # guard: desk.admin-reads-no-documents
        (held.action.name, held.resource.name) == (permission.action, permission.resource)
        for role in user.roles
        if role.name != _ADMIN
        for held in role.permissions
    )

"""The user who sent a request, with the permissions that Airflow gives them at this moment."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import new as hmac
from typing import Annotated, Any

import jwt
from cryptography.fernet import Fernet
from fastapi import Depends, Request
from fastapi.security.utils import get_authorization_scheme_param

from closebook.desk.permissions import Permission
from closebook.errors import Misconfigured

_ADMIN = "Admin"
# What each key is derived for, so that no two keys of a session are equal.
_CSRF_CONTEXT = b"a form of the closebook desk"
_SEARCH_CONTEXT = b"a search at the closebook desk"


@dataclass(frozen=True)
class User:
    """A user who is logged in to Airflow. ``user_id`` is Airflow's, and never changes.

    ``csrf_token`` is part of each form that the user gets. It is derived from the secret of their
    session, so nobody without that secret can make it. ``search_cipher`` encrypts and decrypts the
    confidential search terms in the URLs of this session.
    """

    user_id: str
    name: str
    permissions: frozenset[Permission]
    csrf_token: str = field(repr=False)
    search_cipher: Fernet = field(repr=False)

    def may(self, permission: Permission) -> bool:
        """Whether one of the user's roles has the permission."""
        return permission in self.permissions


def current_user(request: Request) -> User:
    """Return the user whom the authentication middleware has put into the request."""
    user: User = request.state.user
    return user


async def _current_user(request: Request) -> User:
    return current_user(request)


CurrentUser = Annotated[User, Depends(_current_user)]


@dataclass(frozen=True)
class Session:
    """A log-in to Airflow: what its token says, which was verified, and the token itself."""

    claims: Mapping[str, Any]
    secret: str = field(repr=False)

    @property
    def person(self) -> str:
        """The user's number in Airflow, as text."""
        return str(self.claims["sub"])


async def session(request: Request) -> Session | None:
    """Return the log-in of the request, or None if nobody is logged in.

    It runs in Airflow's event loop, so it reads no database. Raises Misconfigured as
    ``authenticated_user`` does.
    """
    from closebook.desk.session_cookie import session_token

    scheme, bearer = get_authorization_scheme_param(request.headers.get("Authorization"))
    token = bearer if scheme.lower() == "bearer" else session_token(request)
    if not token:
        return None
    try:
        # guard: desk.verified-token
        return Session(await _auth_manager().verified_claims(token), token)
    except jwt.InvalidTokenError:
        return None


def authenticated_user(session: Session, permissions: frozenset[Permission]) -> User | None:
    """Return the user of the session with those of the permissions that they have now.

    Returns None if there is no such user any more, if the session was ended, or if the password was
    changed since it began. It reads Airflow's database. Raises Misconfigured with another auth
    manager than ours, which does not end sessions.
    """
    manager = _auth_manager()
    try:
        # FAB caches a user for 30 s. A role that an administrator takes away must be gone at once.
        user = manager.user_now(session.claims)  # guard: desk.current-roles
    except (ValueError, KeyError):
        return None
    return User(
        user_id=user.get_id(),
        name=user.username,
        permissions=frozenset(each for each in permissions if _is_granted(manager, user, each)),
        csrf_token=csrf_token(session.secret),
        search_cipher=Fernet(
            urlsafe_b64encode(hmac(session.secret.encode(), _SEARCH_CONTEXT, sha256).digest())
        ),
    )


def _auth_manager() -> Any:
    from airflow.api_fastapi.app import get_auth_manager

    from closebook.desk.auth_manager import ClosebookFabAuthManager

    manager = get_auth_manager()
    if not isinstance(manager, ClosebookFabAuthManager):  # guard: desk.auth-manager
        raise Misconfigured(
            "CB-CONFIG-AUTH-MANAGER",
            "the desk needs an auth manager that ends sessions with their password: set [core] "
            "auth_manager to closebook.desk.auth_manager.ClosebookFabAuthManager",
        )
    return manager


def csrf_token(session_secret: str) -> str:
    """Return the CSRF token of the session with this secret."""
    return hmac(session_secret.encode(), _CSRF_CONTEXT, sha256).hexdigest()


def _is_granted(manager: Any, user: Any, permission: Permission) -> bool:
    if not manager.is_authorized_custom_view(
        method=permission.action, resource_name=permission.resource, user=user
    ):
        return False
    return not permission.confidential or any(  # guard: desk.admin-reads-no-documents
        (granted.action.name, granted.resource.name) == (permission.action, permission.resource)
        for role in user.roles
        if role.name != _ADMIN
        for granted in role.permissions
    )

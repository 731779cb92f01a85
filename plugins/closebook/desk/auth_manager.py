"""Airflow's FAB auth manager, whose sessions end when the password changes, with limits of log-ins.

The API server runs it, by [core] auth_manager. Airflow asks it about each token, so what it refuses
is refused for the desk, the UI and the REST API alike.
"""

from inspect import unwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.configuration import AIRFLOW_HOME, conf
from airflow.models.revoked_token import RevokedToken
from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager
from airflow.providers.fab.auth_manager.models import User
from airflow.utils.session import create_session
from flask import Flask, session
from flask_appbuilder.const import AUTH_DB  # type: ignore[import-untyped]
from flask_login import logout_user, user_logged_in  # type: ignore[import-untyped]
from sqlalchemy import select

from closebook.desk.log_in_limits import LogInLimits
from closebook.desk.passwords import is_mark, password_mark
from closebook.desk.session_cookie import DeskSessionCookie
from closebook.desk.trusted_proxies import TrustedProxies, refuse_belief_in_anybody
from closebook.environment import trusted_proxies
from closebook.errors import Misconfigured

if TYPE_CHECKING:
    from fastapi import FastAPI

_MARK = "closebook_password"
MAX_SESSION_MINUTES = 12 * 60
"""The longest session of a person whose password is kept in LDAP, OAuth or the like."""
_LOG_INS = "log-ins.sqlite"
# Where Airflow's plugin has the desk.
_DESK_PATH = "/closebook/"
# Flask-Login's own key.
_FORM_USER_ID = "_user_id"


class ClosebookFabAuthManager(FabAuthManager):
    """FAB's auth manager.

    Airflow looks for ``FabAuthManager`` in the name to find out that the manager is FAB's.
    """

    def serialize_user(self, user: User) -> dict[str, Any]:
        """Return the claims of a new token."""
        return {**super().serialize_user(user), _MARK: _mark(user.id, user.password)}

    def deserialize_user(  # type: ignore[override]  # FAB's has a cache around it
        self, token: dict[str, Any]
    ) -> User:
        """Return the user of a token. Raises ValueError if there is none, or for an old password.

        FAB keeps users for 30 s. The password is read each time, so that a session ends at once.
        """
        user: User = super().deserialize_user(token)
        # guard: log-in.old-password-of-a-token
        if not is_mark(token.get(_MARK), _mark_now(user.id)):
            raise ValueError(f"the password of user {user.id} is newer than the token")
        return user

    async def verified_claims(self, token: str) -> dict[str, Any]:
        """Return what a token says. It reads no database: ``user_now`` does.

        Raises jwt.InvalidTokenError for a token that this Airflow has not signed, or that expired.
        """
        claims: dict[str, Any] = await self._get_token_validator().avalidated_claims(token)
        return claims

    def user_now(self, token: dict[str, Any]) -> User:
        """Return the user of a token as Airflow's database has them now, past FAB's 30 s.

        Raises ValueError as ``deserialize_user`` does, and for a token that was revoked.
        """
        # guard: log-in.revoked-token
        if RevokedToken.is_revoked(token["jti"]):
            raise ValueError(f"the token of user {token['sub']} was revoked")
        # The cache belongs to the thread of Airflow's event loop, so it is not cleared here.
        user: User = unwrap(FabAuthManager.deserialize_user)(self, token)
        if not is_mark(token.get(_MARK), _mark(user.id, user.password)):
            raise ValueError(f"the password of user {user.id} is newer than the token")
        return user

    def get_fastapi_app(self) -> "FastAPI | None":
        """Return the app of the log-in pages. Raises Misconfigured for sessions without an end."""
        app: FastAPI | None = super().get_fastapi_app()
        if self.flask_app is not None:
            require_bounded_sessions(
                auth_type=self.flask_app.config["AUTH_TYPE"],
                max_minutes=conf.getint("fab", "session_max_lifetime_minutes", fallback=0),
            )
            _end_form_sessions_with_their_password(self.flask_app)
        return app

    def get_fastapi_middlewares(self) -> list[Any]:
        """Return the middlewares of the whole API server; the last one is the outermost.

        Raises Misconfigured, which stops the API server.
        """
        refuse_belief_in_anybody(airflow_proxy_fix=conf.getboolean("fab", "enable_proxy_fix"))
        found = [*super().get_fastapi_middlewares()]
        if conf.getboolean("fab", "auth_rate_limited"):
            # The processes of the API server on this machine have the same AIRFLOW_HOME.
            file = Path(AIRFLOW_HOME) / _LOG_INS
            found.append((LogInLimits, {"limit": conf.get("fab", "auth_rate_limit"), "file": file}))
        prefix = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
        found.append((DeskSessionCookie, {"desk_path": f"{prefix}{_DESK_PATH}"}))
        return [*found, (TrustedProxies, {"proxies": trusted_proxies()})]


def require_bounded_sessions(auth_type: int, max_minutes: int) -> None:
    """Raise Misconfigured if passwords are kept elsewhere, and sessions may last for ever.

    A new password of LDAP or OAuth is not seen here, so the session's age has to end it.
    """
    if auth_type == AUTH_DB or 0 < max_minutes <= MAX_SESSION_MINUTES:  # guard: log-in.session-ends
        return
    raise Misconfigured(
        "CB-CONFIG-SESSIONS-WITHOUT-END",
        "people log in with passwords that are kept elsewhere (AUTH_TYPE), so a new password ends "
        "no session here: set [fab] session_max_lifetime_minutes to "
        f"{MAX_SESSION_MINUTES} or less",
    )


def _end_form_sessions_with_their_password(app: Flask) -> None:
    """End the session of the log-in form, which gives new tokens, when the password changes.

    FAB deletes such sessions only if they are in its database, and only for some changes.
    """

    @user_logged_in.connect_via(app, weak=False)  # type: ignore[untyped-decorator]
    def keep_mark(_sender: Flask, user: User, **_others: object) -> None:
        session[_MARK] = _mark(user.id, user.password)

    def end_old_session() -> None:
        user_id = session.get(_FORM_USER_ID)
        # guard: log-in.old-password-of-a-form
        if user_id is not None and not is_mark(session.get(_MARK), _mark_now(int(user_id))):
            logout_user()
            session.clear()

    # Before FAB's own function, which finds out who asks.
    app.before_request_funcs.setdefault(None, []).insert(0, end_old_session)


def _mark_now(user_id: int) -> str:
    with create_session() as metadata:
        return _mark(user_id, metadata.scalar(select(User.password).where(User.id == user_id)))


def _mark(user_id: int, stored_password: str | None) -> str:
    # With a key pair instead of jwt_secret, the key of the form's sessions does.
    key = conf.get("api_auth", "jwt_secret", fallback="") or conf.get("api", "secret_key")
    return password_mark(key, user_id, stored_password)

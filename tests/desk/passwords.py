"""Logging in with Airflow's form, step by step, and setting a password past Airflow."""

import httpx
import psycopg
from werkzeug.security import generate_password_hash

from local.stack import Stack


def log_in(
    client: httpx.Client,
    user: str,
    password: str,
    page: str = "/auth/login/",
    *,
    is_right: bool = True,
) -> list[httpx.Response]:
    """Send the form as a browser does; return the answers. The last one is that of the form."""
    form = client.get(page)
    fields = {"username": user, "password": password}
    if 'name="csrf_token"' in form.text:
        fields["csrf_token"] = (
            form.text.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
        )
    sent = client.post(page, data=fields, headers={"Referer": str(client.base_url)})
    answers = [form, sent]
    assert not is_right or tokens_of(answers), f"{user} cannot log in: {sent.status_code}"
    return answers


def tokens_of(answers: list[httpx.Response]) -> list[str]:
    """The tokens that the answers set as a cookie."""
    return [answer.cookies["_token"] for answer in answers if answer.cookies.get("_token")]


def set_password_in_sql(stack: Stack, user: str, password: str) -> None:
    """Change the password in Airflow's database, as no page or command of Airflow's does."""
    with psycopg.connect(stack.store_admin("airflow")) as metadata:
        changed = metadata.execute(
            "update ab_user set password = %s where username = %s",
            [generate_password_hash(password), user],
        )
        assert changed.rowcount == 1

"""Releases a month at the desk of a stack, as a person does: by its page and its form."""

import re
from http import HTTPStatus

import httpx

from local.errors import StackError
from local.stack import Stack

_FIELD = re.compile(r'name="(csrf_token|manifest_sha256)"[^>]*?value="([^"]*)"')


def release_month(stack: Stack, user: str, month: str) -> None:
    """Release the statements of a month, unless a person decided on them already.

    Raises StackError if the desk does not let this user release them.
    """
    with httpx.Client(base_url=stack.ui_url, trust_env=False, timeout=60) as client:
        log_in = client.get("/auth/login/").text
        fields = {"username": user, "password": stack.credentials[user]}
        client.post("/auth/login/", data={**dict(_FIELD.findall(log_in)), **fields})
        path = f"/closebook/releases/{month}"
        page = client.get(path)
        _refuse_error(page, f"show {month} to {user}")
        form = dict(_FIELD.findall(page.text))
        if "manifest_sha256" not in form:
            return
        answer = client.post(
            path, data={**form, "verdict": "released"}, headers={"Origin": stack.ui_url}
        )
        _refuse_error(answer, f"let {user} release {month}")


def _refuse_error(answer: httpx.Response, what: str) -> None:
    if answer.status_code not in {HTTPStatus.OK, HTTPStatus.SEE_OTHER}:
        raise StackError(
            "CB-STACK-DESK-REFUSED",
            f"the desk refused to {what} ({answer.status_code}): see the page in the UI, or the log"
            " of the api_server",
        )

"""Limits of what a client may cost: a form that is large or slow, an answer that nobody reads."""

import asyncio
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Send

MAX_FORM_BYTES = 256 * 1024
"""The largest form of the desk has 500 selected statements and is 30 KiB long."""
MAX_SILENCE_SECONDS = 30.0
"""How long a client may take to send the next part of a form, or to take one piece of an answer."""
PIECE_BYTES = 64 * 1024


def limited_receive(receive: Receive) -> Receive:
    """Return a function that receives as before, until a form is too long or too slow.

    It then raises HTTP 413 or 408.
    """
    received_bytes = 0
    is_complete = False

    async def limited() -> Message:
        nonlocal received_bytes, is_complete
        if is_complete:  # what comes next is the end of the connection, whenever that is
            return await receive()
        try:
            async with asyncio.timeout(MAX_SILENCE_SECONDS):
                message = await receive()
        except TimeoutError:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT) from None
        received_bytes += len(message.get("body", b""))
        if received_bytes > MAX_FORM_BYTES:  # guard: desk.form-bytes
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        is_complete = not message.get("more_body", False)
        return message

    return limited


def limited_send(send: Send) -> Send:
    """Return a function that sends an answer in pieces, each only when the last one was taken.

    So the server keeps no long answer for a slow client. It raises TimeoutError if the client does
    not take a piece in time: a client that reads less than 2 KiB a second gets no more.
    """

    async def limited(message: Message) -> None:
        body = message.get("body", b"")
        if len(body) <= PIECE_BYTES:
            await _sent(send, message)
            return
        view = memoryview(body)
        for start in range(0, len(body), PIECE_BYTES):
            piece = {**message, "body": bytes(view[start : start + PIECE_BYTES])}
            is_last = start + PIECE_BYTES >= len(body)
            await _sent(
                send, {**piece, "more_body": not is_last or message.get("more_body", False)}
            )

    return limited


async def _sent(send: Send, message: Message) -> None:
    async with asyncio.timeout(MAX_SILENCE_SECONDS):  # guard: desk.client-takes-its-answer
        await send(message)

"""Render the documents of October, and read them back from the store and from disk."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pytest

from closebook.closes.month import close_month
from closebook.settings import Run, Settings
from closebook.statements import issue
from closebook.statements.issue import Shard
from closebook.statements.manifest import Manifest, write_manifest
from tests.books import Books
from tests.close_fixtures import RUN
from tests.closes.october import OCTOBER
from tests.platform_rows import Platform

ACCOUNTS = (1, 2, 3)


@pytest.fixture
def close_id(settings: Settings, platform: Platform) -> int:
    """The close of October: three accounts, one of them without movements."""
    platform.open_account(1, "USD", "Ada Lovelace")
    platform.open_account(2, "JPY", "山田太郎")
    platform.open_account(3, "KWD", "<b>Bobby</b> & Söhne")
    platform.post(1, OCTOBER.start, 123_456)
    platform.post(1, OCTOBER.end - timedelta(hours=1), -56, kind="fee")
    platform.post(2, OCTOBER.start, 7_000, "JPY")
    platform.post(3, OCTOBER.start - timedelta(days=1), 1_005, "KWD")
    return close_month(settings, OCTOBER, RUN).close_id


def render_all(
    settings: Settings, close_id: int, account_ids: list[int] | None = None, run: Run = RUN
) -> int:
    shards = issue.plan_shards(settings, close_id, account_ids)
    return sum(
        issue.render_shard(settings, close_id, Shard(**shard), account_ids, run) for shard in shards
    )


def manifest_of(
    settings: Settings, close_id: int, run: Run = RUN
) -> tuple[Manifest, dict[str, Any]]:
    manifest = write_manifest(settings, close_id, run)
    return manifest, json.loads(stored(settings, manifest.object_name).read_bytes())


def stored(settings: Settings, object_name: str) -> Path:
    return Path(unquote(urlparse(settings.documents_url).path)) / object_name


def documents(books: Books) -> dict[int, dict[str, Any]]:
    rows = books.rows("select * from reporting.statement_documents")
    return {row["account_id"]: row for row in rows}

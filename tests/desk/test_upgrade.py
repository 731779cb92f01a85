"""A month that was released before migration 0018 is what it was after the upgrade.

october_of_0017.zip is what the code of commit c924e74, the last one without that migration, wrote
in a test: an October of three statements, released without an exception. ``store.sql`` is its
store (pg_dump --data-only --column-inserts), ``documents/`` its document store.
"""

import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from closebook.audit.register_audit import audit
from closebook.cli import EXIT_OK, main
from closebook.closes.month import close_month
from closebook.closes.register import ChangeWithoutReason
from closebook.sql import query
from closebook.statements.manifest import Manifest
from closebook.store.decision_key import set_decision_key
from closebook.store.migrations import migrate
from local.stack import Stack
from tests.audit.released_month import release_issued
from tests.close_fixtures import RUN, settings_on
from tests.closes.month_documents import manifest_of, render_all
from tests.closes.october import OCTOBER
from tests.desk.conftest import Desk, connections_to, digest
from tests.platform_rows import Platform
from tests.test_migrations import ALL_MIGRATIONS, as_it_was

OLD_MONTH = Path(__file__).with_name("october_of_0017.zip")
DATABASE = "of_0017"
ROOT = "9f2888f4b8b963b299207170b7049d2272ccc51d665bfab1db3813f880688cd4"
MANIFEST = "46bb3727b0fb726a315782746277f7fdd21893009fd33776b01aec54dd0c3ff8"
CURRENCIES = {1: "USD", 2: "JPY", 3: "KWD"}
OLD_CLOSE = 51


@dataclass(frozen=True)
class Upgraded:
    """The desk on the store that was migrated, and a document store that no other test uses."""

    desk: Desk
    documents: Path

    def show(self) -> None:
        """Let the desk's document store have what this one has."""
        shutil.copytree(self.documents, self.desk.stack.root / "documents", dirs_exist_ok=True)

    def zip(self) -> dict[str, bytes]:
        """What the ZIP of October has, by name."""
        answer = self.desk.get("finance", "/statements/months/2026-10/zip")
        assert answer.status_code == 200, answer.text
        with zipfile.ZipFile(BytesIO(answer.content)) as packed:
            return {name: packed.read(name) for name in packed.namelist()}


@pytest.fixture
def upgraded(airflow_stack: Stack, platform_database: str, tmp_path: Path) -> Iterator[Upgraded]:
    stack = airflow_stack
    with zipfile.ZipFile(OLD_MONTH) as packed:
        packed.extractall(tmp_path)
    documents = tmp_path / "documents"
    platform = Platform(stack.primary_admin(platform_database))
    fill(platform)
    stack.drop_store(DATABASE)
    with psycopg.connect(stack.store_admin(), autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} owner closebook_owner").format(sql.Identifier(DATABASE))
        )
    try:
        old_store(stack, platform, (tmp_path / "store.sql").read_text(encoding="utf-8"))
        migrate(stack.store_owner(DATABASE))
        set_decision_key(stack.store_owner(DATABASE), stack.secrets["decisions"])
        settings = settings_on(stack, platform_database, DATABASE, documents)
        with connections_to(stack, {"closebook_desk": DATABASE}):
            desk = Desk(stack, settings, platform, DATABASE)
            upgraded = Upgraded(desk, documents)
            upgraded.show()
            yield upgraded
            for client in desk.clients.values():
                client.close()
    finally:
        platform.connection.close()
        stack.drop_store(DATABASE)


def fill(platform: Platform) -> None:
    """The platform from which the old October was closed."""
    platform.open_account(1, "USD", "Ada Lovelace")
    platform.open_account(2, "JPY", "山田太郎")
    platform.open_account(3, "KWD", "<b>Bobby</b> & Söhne")
    platform.open_account(4, "EUR", "Eve")
    platform.post(1, OCTOBER.start, 123_456)
    platform.post(1, OCTOBER.end - timedelta(hours=1), -56, kind="fee")
    platform.post(2, OCTOBER.start, 7_000, "JPY")
    platform.post(3, OCTOBER.start - timedelta(days=1), 1_005, "KWD")
    platform.post(4, OCTOBER.start, 9, "USD")


def old_store(stack: Stack, platform: Platform, rows: str) -> None:
    """Make the store as it was before migration 0018, with its rows."""
    with psycopg.connect(stack.store_owner(DATABASE)) as owner:
        for name in ALL_MIGRATIONS[: ALL_MIGRATIONS.index("0018_keys")]:
            owner.execute(as_it_was(name))
            owner.execute(query("schema_migrations/insert"), {"migration": name})
    [(cluster,)] = platform.connection.execute(
        "select system_identifier::text from pg_control_system()"
    ).fetchall()
    with psycopg.connect(stack.store_admin(DATABASE)) as admin:
        admin.execute("set session_replication_role = replica")
        admin.execute(rows.encode())
        # The closes were read from another cluster, which this one stands for.
        admin.execute("update reporting.platform_histories set system_identifier = %s", [cluster])
        admin.execute("update reporting.close_readings set fence_lsn = '0/1', read_lsn = '0/1'")


def test_a_released_month_is_downloaded_verified_audited_and_corrected_after_the_upgrade(
    upgraded: Upgraded, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = upgraded.desk
    old_manifest = upgraded.documents / f"manifests/2026-10/{MANIFEST[:2]}/{MANIFEST}.json"

    # Finance gets each document as it was released, with its attachments and its proof
    downloaded: dict[int, bytes] = {}
    for account, currency in CURRENCIES.items():
        path = f"/statements/{OLD_CLOSE}/{account}/{currency}"
        assert desk.get("finance", path).status_code == 200
        for kind in ("pdf", "camt.053", "csv"):
            answer = desk.get("finance", f"{path}/{kind}")
            assert answer.status_code == 200, answer.text
            stored = [*upgraded.documents.rglob(f"{digest(answer.content)}.*")]
            assert len(stored) == 1
            if kind == "pdf":
                downloaded[account] = answer.content
        proof = desk.get("finance", f"{path}/proof")
        assert proof.status_code == 200
        verified(upgraded, downloaded[account], capsys, "--proof", proof.content)
    for content in downloaded.values():
        verified(upgraded, content, capsys, "--manifest", old_manifest.read_bytes())

    # And all of them as the ZIP of the month
    packed = upgraded.zip()
    pdfs = [content for name, content in packed.items() if name.endswith(".pdf")]
    assert pdfs == [*downloaded.values()]
    assert [*packed] == [
        *(
            f"{stem(account)}.{part}"
            for account, currency in CURRENCIES.items()
            for part in ("pdf", "proof.json")
        ),
        *("index.csv", "index.json", "manifest.json"),
    ]
    assert packed["manifest.json"] == old_manifest.read_bytes()

    assert desk.get("approver", "/releases/2026-10").status_code == 200

    # The audit finds nothing, and a close of the same numbers changes nothing
    assert audit(desk.settings).findings == []
    assert close_month(desk.settings, OCTOBER, replace(RUN, reason=None)).close_id == OLD_CLOSE

    # A late entry changes the month for a reason only, and is version 2 of its statement
    desk.platform.post(1, OCTOBER.end - timedelta(hours=2), 5)
    with pytest.raises(ChangeWithoutReason):
        close_month(desk.settings, OCTOBER, replace(RUN, reason=None))
    corrected = close_month(desk.settings, OCTOBER, RUN)
    assert desk.rows(
        "select account_id, currency, statement_version, issued_close_id"
        " from reporting.statement_versions where close_id = %s order by 1",
        corrected.close_id,
    ) == [
        {
            "account_id": account,
            "currency": currency,
            "statement_version": 2 if account == 1 else 1,
            "issued_close_id": corrected.close_id if account == 1 else OLD_CLOSE,
        }
        for account, currency in CURRENCIES.items()
    ]
    assert render_all(desk.settings, corrected.close_id) == 1
    manifest = manifest_of(desk.settings, corrected.close_id)[0]
    release_issued(desk.stack, DATABASE, ["4"])
    upgraded.show()

    # Then the ZIP has the new version beside the old ones, and the old version is still there
    again = upgraded.zip()
    assert again[f"{stem(2)}.pdf"] == downloaded[2]
    assert again[f"{stem(3)}.pdf"] == downloaded[3]
    assert f"{stem(1)}.pdf" not in again
    verified_in(upgraded, again[f"{stem(1, 2)}.pdf"], capsys, manifest)
    verified_in(upgraded, downloaded[2], capsys, manifest)
    replaced = desk.get("finance", f"/statements/{OLD_CLOSE}/1/USD/pdf")
    assert replaced.content == downloaded[1]
    assert audit(desk.settings).findings == []


def stem(account: int, version: int = 1) -> str:
    """The name of an account's files in the ZIP, without its end."""
    number = f"ACC-{account}"
    return f"statement-2026-10-{number}_{account}-{CURRENCIES[account]}-v{version}"


def verified(
    upgraded: Upgraded,
    document: bytes,
    capsys: pytest.CaptureFixture[str],
    option: str,
    given: bytes,
    root: str = ROOT,
) -> None:
    """Let `closebook verify` check a document, with the root that was published."""
    folder = upgraded.documents.parent
    pdf, other = folder / "document.pdf", folder / "given.json"
    pdf.write_bytes(document)
    other.write_bytes(given)
    code = main(["verify", str(pdf), option, str(other), "--root", root])
    assert code == EXIT_OK, capsys.readouterr()


def verified_in(
    upgraded: Upgraded, document: bytes, capsys: pytest.CaptureFixture[str], manifest: Manifest
) -> None:
    content = (upgraded.documents / manifest.object_name).read_bytes()
    verified(upgraded, document, capsys, "--manifest", content, manifest.root_sha256)

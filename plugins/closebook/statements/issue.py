"""Make the documents of a closed month: cut it into shards of accounts, and render each shard.

This reads only the reporting store. No connection to a replica is open while pages are rendered.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from psycopg.rows import DictRow

from closebook.errors import WrongData
from closebook.keys import Key, label
from closebook.periods import Period
from closebook.settings import Run, Settings
from closebook.settings.statement_settings import document_validator, stamps_statements
from closebook.sql import query
from closebook.statements.archive import Archive
from closebook.statements.bounded_process import Limits, run_within
from closebook.statements.document_store import DocumentStore
from closebook.statements.render.document import warm_up
from closebook.statements.signing.key_loader import load_signer
from closebook.statements.stamp.shard_renderer import RowAndStatement, ShardRenderer
from closebook.statements.statement_reader import read_closed_month, read_statement
from closebook.statements.validator import SampleCheck
from closebook.store.key_types import key_types_of
from closebook.store.session import Store, on_store

logger = logging.getLogger(__name__)

SMALLEST_SHARD = 50
MAX_SHARDS = 64
NAMED_ACCOUNTS = 20
DOCUMENTS_PER_PROCESS = 25
"""How many statements are in memory at once, and are rendered by one child process."""


Failed = tuple[Key, str]
"""The account and the currency of a statement."""


class DocumentsNotMade(WrongData):
    """Documents could not be made: ``codes`` has the error's code by account and
    currency. The rest is issued.

    The text names the first 20 accounts, each with the code of its error.
    """

    def __init__(self, month: Period, failures: Mapping[Failed, WrongData]) -> None:
        self.codes = {failed: error.code for failed, error in failures.items()}
        named = ", ".join(
            f"{label(account_id)} ({code})"
            for (account_id, _), code in islice(self.codes.items(), NAMED_ACCOUNTS)
        )
        more = "" if len(failures) <= NAMED_ACCOUNTS else " …"
        super().__init__(
            "CB-DATA-DOCUMENTS-NOT-MADE",
            f"{month}: {len(failures)} documents are missing, those of the accounts {named}{more}: "
            "the log has the error of each; all others of the shard are issued, and the manifest "
            "lists these as exceptions",
        )


@dataclass(frozen=True)
class Shard:
    """A range of account keys, both ends included, with ``statement_count`` statements in it."""

    first_account_id: Key
    last_account_id: Key
    statement_count: int


def plan_shards(
    settings: Settings, close_id: int, account_ids: Sequence[Key] | None
) -> list[dict[str, Any]]:
    """Cut a month's statements into at most 64 shards of at least 50 documents.

    ``account_ids`` limits the shards to these accounts, as a person wrote their keys; None means
    all accounts. Raises WrongData when one of these accounts has no statement in the month.
    """
    with on_store(settings) as store:
        named = _named_accounts(store, account_ids)
        wanted = {"close_id": close_id, "account_ids": named}
        counted = store.execute(query("statement_documents/count"), wanted).fetchone()
        count = 0 if counted is None else counted["statement_count"]
        with_statement = 0 if counted is None else counted["account_count"]
        asked_count = with_statement if account_ids is None else len(set(map(str, account_ids)))
        if with_statement != asked_count:
            raise WrongData(
                "CB-DATA-ACCOUNTS-WITHOUT-STATEMENT",
                f"{asked_count - with_statement} of the {asked_count} accounts that the "
                "run names have no statement in this month: correct the parameter account_ids",
            )
        shard_count = min(max(1, count // SMALLEST_SHARD), MAX_SHARDS)
        rows = store.execute(
            query("statement_documents/shards"), {**wanted, "shard_count": shard_count}
        ).fetchall()
    return [asdict(Shard(**row)) for row in rows]


def render_shard(
    settings: Settings,
    close_id: int,
    shard: Shard,
    account_ids: Sequence[Key] | None,
    run: Run,
    limits: Limits = Limits(),  # noqa: B008  # a frozen value
) -> int:
    """Render and store the statements of a shard that have no document yet; return how many.

    A document is stored before its registration is committed. A task that is killed therefore
    loses a few documents at most, and the same task, run again, renders only the missing ones.
    Raises DocumentsNotMade, with the accounts, when documents cannot be made. All other documents
    of the shard are stored before this is raised, and each failure is registered: the manifest
    lists these accounts as exceptions.
    """
    documents = DocumentStore(settings.documents_url)
    warm_up()
    renderer = ShardRenderer(stamps=stamps_statements())
    rendered = 0
    in_english: Counter[str] = Counter()
    failures: dict[Failed, WrongData] = {}
    with on_store(settings) as store:
        store.autocommit = True
        month = read_closed_month(store, close_id)
        signer, sample = load_signer(settings.signing_key), SampleCheck(document_validator())
        archive = Archive(store, documents, signer, month, run, sample)
        rows = store.execute(
            query("statement_documents/of_shard"),
            {
                "close_id": close_id,
                "first_account_id": shard.first_account_id,
                "last_account_id": shard.last_account_id,
                "account_ids": _named_accounts(store, account_ids),
            },
        ).fetchall()
        registered = [row["object_name"] for row in rows if row["object_name"] is not None]
        # guard: documents.lost-one-is-made-again
        made_again = {None, *documents.absent(registered)}
        without_document = [row for row in rows if row["object_name"] in made_again]
        for first in range(0, len(without_document), DOCUMENTS_PER_PROCESS):
            some = without_document[first : first + DOCUMENTS_PER_PROCESS]
            readable = list[RowAndStatement]()
            for row in some:
                try:
                    readable.append((row, read_statement(store, settings, month, row)))
                except WrongData as error:
                    # guard: documents.unreadable-one-is-named
                    failures[row["account_id"], row["currency"]] = error
            results = run_within(limits, renderer.tasks(readable))
            for (row, statement), result in zip(readable, results, strict=True):
                if isinstance(result, WrongData):
                    failures[statement.account_id, statement.currency] = result
                    continue
                try:
                    archive.add(statement, result, row["object_name"])
                except WrongData as error:
                    failures[statement.account_id, statement.currency] = error
                    continue
                rendered += 1
                renderer.count(result)
                if result.missing_language is not None:
                    in_english[result.missing_language] += 1
        if renderer.report is not None:
            logger.info("%s: %s", month, renderer.report)
        for language, count in sorted(in_english.items()):
            logger.warning(
                "%s: %d statements are in English, since there are no texts in the language %s: "
                "write them into words/%s.toml of the brand",
                month,
                count,
                language,
                language,
            )
        for (account_id, _), failure in failures.items():
            logger.error("%s: account %s has no document: %s", month, label(account_id), failure)
        _register_failures(store, rows, failures, run)
    if failures:
        raise DocumentsNotMade(month, failures)
    return rendered


def _register_failures(
    store: Store, rows: Sequence[DictRow], failures: Mapping[Failed, WrongData], run: Run
) -> None:
    """Write which statements have no document. ``rows`` are those of their shard."""
    issued_close_ids = {
        (row["account_id"], row["currency"]): row["issued_close_id"] for row in rows
    }
    for (account_id, currency), failure in failures.items():
        store.execute(
            query("document_failures/insert"),
            {
                "close_id": issued_close_ids[account_id, currency],
                "account_id": account_id,
                "currency": currency,
                "reason": failure.code,
                "run_id": run.run_id,
            },
        )


def _named_accounts(store: Store, named: Sequence[Key] | None) -> list[Key] | None:
    """Return the keys of accounts that a person wrote. What is no key of this store has no account.

    A JSON form gives a number or a text.
    """
    if named is None:
        return None
    parsed = (key_types_of(store).accounts.parse(str(each)) for each in named)
    return [key for key in parsed if key is not None]

"""Make the documents of a closed month: cut it into shards of accounts, and render each shard.

This reads only the reporting store. No connection to a replica is open while pages are rendered.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from math import ceil
from typing import Any

from psycopg.rows import DictRow

from closebook.errors import WrongData
from closebook.keys import Key, label
from closebook.periods import Period
from closebook.settings import Run, Settings
from closebook.settings.statement_settings import document_validator, stamps_statements
from closebook.sql import query
from closebook.statements.archive import Archive, MadeDocument
from closebook.statements.bounded_process import Limits, run_within
from closebook.statements.document_store import DocumentStore
from closebook.statements.render.document import warm_up
from closebook.statements.shared_documents import leave_token, require_token
from closebook.statements.signing.key_loader import load_signer
from closebook.statements.stamp.shard_renderer import RowAndStatement, ShardRenderer
from closebook.statements.statement_reader import read_closed_month, read_statement
from closebook.statements.validator import SampleCheck
from closebook.store.key_types import key_types_of
from closebook.store.session import Store, on_store

logger = logging.getLogger(__name__)

WORK_OF_A_STATEMENT = 25
"""How many lines take as long as a statement without lines. A line takes about 4 ms."""

SMALLEST_SHARD_WORK = 2_500
"""In lines: ten seconds of the first renderer. To start a task takes one or two seconds."""

LARGEST_SHARD_WORK = 60_000
"""In lines: four minutes of the first renderer; on a machine of half the speed less than ten."""

USUAL_SHARDS = 64
MOST_SHARDS = 1_000
"""Airflow refuses a task that is mapped over more than 1,024 values (core.max_map_length)."""

NAMED_ACCOUNTS = 20
DOCUMENTS_PER_PROCESS = 100
"""How many statements one child process renders at most. It shares what it knows of their texts."""

LINES_PER_PROCESS = 3_000
"""How many lines of statements are in memory at once, besides those of the last statement."""

DOCUMENTS_FILED_AT_ONCE = 25
"""How many documents are registered in one transaction."""


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
    """A range of account keys, both ends included, with ``statement_count`` statements in it.

    ``token`` is the name of a document that the planning task has written: a task that cannot read
    it has another document store. None in a run that an older version planned.
    """

    first_account_id: Key
    last_account_id: Key
    statement_count: int
    token: str | None = None


def plan_shards(
    settings: Settings, close_id: int, account_ids: Sequence[Key] | None
) -> list[dict[str, Any]]:
    """Cut a month's statements into shards of about the same work.

    A shard ends with the account that reaches its share of the work, which is LARGEST_SHARD_WORK at
    most unless this would make more than MOST_SHARDS. ``account_ids`` limits the shards to these
    accounts, as a person wrote their keys; None means all accounts. Raises WrongData when one of
    these accounts has no statement in the month, Transient when the document store fails.
    """
    with on_store(settings) as store:
        named = _named_accounts(store, account_ids)
        wanted = {
            "close_id": close_id,
            "account_ids": named,
            "work_of_a_statement": WORK_OF_A_STATEMENT,
        }
        counted = store.execute(query("statement_documents/count"), wanted).fetchone()
        work = 0 if counted is None else counted["work_in_lines"]
        with_statement = 0 if counted is None else counted["account_count"]
        asked_count = with_statement if account_ids is None else len(set(map(str, account_ids)))
        if with_statement != asked_count:
            raise WrongData(
                "CB-DATA-ACCOUNTS-WITHOUT-STATEMENT",
                f"{asked_count - with_statement} of the {asked_count} accounts that the "
                "run names have no statement in this month: correct the parameter account_ids",
            )
        rows = store.execute(
            query("statement_documents/shards"), {**wanted, "work_of_a_shard": _shard_work(work)}
        ).fetchall()
        if not rows:
            return []
        month = read_closed_month(store, close_id)
    token = leave_token(DocumentStore(settings.documents_url), month.label)
    return [asdict(replace(Shard(**row), token=token)) for row in rows]


def _shard_work(work: int) -> int:
    """Return how much work a shard gets, of all the work of a month."""
    worth_a_task = min(work // SMALLEST_SHARD_WORK, USUAL_SHARDS)
    # guard: documents.shards-end-within-minutes
    short_enough = ceil(work / LARGEST_SHARD_WORK)
    shards = min(max(worth_a_task, short_enough), MOST_SHARDS)
    return max(ceil(work / max(shards, 1)), 1)


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
    lists these accounts as exceptions. Raises Misconfigured when this machine has another document
    store than the task that planned the shard.
    """
    documents = DocumentStore(settings.documents_url)
    if shard.token is not None:  # guard: documents.store-is-shared
        require_token(documents, shard.token)
    warm_up()
    with on_store(settings) as store:
        store.autocommit = True
        month = read_closed_month(store, close_id)
        signer, sample = load_signer(settings.signing_key), SampleCheck(document_validator())
        archive = Archive(store, documents, signer, month, run, sample)
        rendering = _Rendering(store, settings, month, archive)
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
        rendering.render_all(without_document, limits)
        rendering.log()
        _register_failures(store, rows, rendering.failures, run)
    if rendering.failures:
        raise DocumentsNotMade(month, rendering.failures)
    return rendering.count


class _Rendering:
    """Renders the statements of a shard, some at a time, and counts the documents and failures."""

    def __init__(self, store: Store, settings: Settings, month: Period, archive: Archive) -> None:
        self.failures: dict[Failed, WrongData] = {}
        self.count = 0
        self._store, self._settings, self._month = store, settings, month
        self._archive = archive
        self._renderer = ShardRenderer(stamps=stamps_statements())
        self._in_english: Counter[str] = Counter()

    def render_all(self, rows: Sequence[DictRow], limits: Limits) -> None:
        """Render and store the statements of some rows, as many at once as fit into memory."""
        readable, line_count = list[RowAndStatement](), 0
        for row in rows:
            try:
                statement = read_statement(self._store, self._settings, self._month, row)
            except WrongData as error:
                # guard: documents.unreadable-one-is-named
                self.failures[row["account_id"], row["currency"]] = error
                continue
            readable.append((row, statement))
            line_count += statement.line_count
            if len(readable) == DOCUMENTS_PER_PROCESS or line_count >= LINES_PER_PROCESS:
                self._render(readable, limits)
                readable, line_count = [], 0
        self._render(readable, limits)

    def _render(self, readable: Sequence[RowAndStatement], limits: Limits) -> None:
        """Render some statements in one child process, and store them, some at once."""
        results = run_within(limits, self._renderer.tasks(readable))
        made: list[MadeDocument] = []
        for (row, statement), result in zip(readable, results, strict=True):
            if isinstance(result, WrongData):
                self.failures[statement.account_id, statement.currency] = result
                continue
            made.append(MadeDocument(statement, result, row["object_name"]))
            if len(made) == DOCUMENTS_FILED_AT_ONCE:
                self._file(made)
                made = []
        self._file(made)

    def _file(self, made: Sequence[MadeDocument]) -> None:
        if not made:
            return
        for each, error in zip(made, self._archive.add_all(made), strict=True):
            if error is not None:
                self.failures[each.statement.account_id, each.statement.currency] = error
                continue
            self.count += 1
            self._renderer.count(each.rendered)
            if each.rendered.missing_language is not None:
                self._in_english[each.rendered.missing_language] += 1

    def log(self) -> None:
        """Log how statements were rendered, which are in English, and which failed."""
        month = self._month
        if self._renderer.report is not None:
            logger.info("%s: %s", month, self._renderer.report)
        for language, count in sorted(self._in_english.items()):
            logger.warning(
                "%s: %d statements are in English, since there are no texts in the language %s: "
                "write them into words/%s.toml of the brand",
                month,
                count,
                language,
                language,
            )
        for (account_id, _), failure in self.failures.items():
            logger.error("%s: account %s has no document: %s", month, label(account_id), failure)


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

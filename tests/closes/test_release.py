"""A month is released by a second person, by the manifest that they saw, when all checks pass."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from hashlib import sha256

import psycopg
import pytest
from psycopg.rows import dict_row

from closebook.closes import checks
from closebook.closes.month import close_month
from closebook.closes.register import ChangeWithoutReason
from closebook.errors import Misconfigured, NotReady, WrongData
from closebook.periods import HOUR
from closebook.settings import Settings
from closebook.sql import query
from closebook.statements import issue, release
from closebook.statements.bounded_process import Limits
from closebook.statements.manifest import write_manifest
from closebook.statements.release import DecisionRefused, IssuedMonth, Person, RunAct
from closebook.store.decision_key import proof_of
from closebook.store.session import Store
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, eventually, store_held, waiting_to_write
from tests.closes.october import OCTOBER
from tests.closes.test_reissue import ADA, GRACE, MARY, ON_PURPOSE, fill, issue_month
from tests.decisions import DECISION_KEY, proven
from tests.platform_rows import Platform

BOB, EVE = Person("2", "bob"), Person("3", "eve")


def started_by_ada(run_ids: Sequence[str]) -> list[RunAct]:
    """What Airflow recorded of the runs: Ada, user 1, started each."""
    return [RunAct(run_id, "triggered", "1", "ada") for run_id in run_ids]


@pytest.fixture
def desk(stack: Stack, settings: Settings, module_store_database: str) -> Iterator[Store]:
    """The reporting store as the desk's own role."""
    with psycopg.connect(stack.desk(module_store_database), row_factory=dict_row) as desk:
        yield desk


@pytest.fixture
def issued(settings: Settings, platform: Platform, desk: Store) -> IssuedMonth:
    """October, issued by a run that Ada asked for."""
    fill(platform)
    issue_month(settings, ON_PURPOSE)
    return release.latest_issued_month(desk, OCTOBER)


def released(books: Books) -> list[tuple[int, int, bool]]:
    """What anybody but a reviewer may see: account, version, superseded."""
    rows = books.rows("select * from reporting.released_statements order by 2, 3")
    return [(r["account_id"], r["statement_version"], r["is_superseded"]) for r in rows]


def refusal(desk: Store, shown_sha256: str, person: Person = BOB) -> str:
    """Why the month is not released; the register has no decision then."""
    with pytest.raises(DecisionRefused) as refused:
        release.release(desk, DECISION_KEY, OCTOBER, shown_sha256, person, started_by_ada)
    return str(refused.value)


def test_a_run_ends_issued_and_nobody_may_see_its_statements(
    books: Books, issued: IssuedMonth
) -> None:
    assert (issued.document_count, issued.missing_count) == (3, 0)
    assert released(books) == []


def test_a_second_person_releases_and_the_register_keeps_who_when_and_which_hash(
    books: Books, desk: Store, issued: IssuedMonth
) -> None:
    decision = release.release(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, started_by_ada)
    desk.commit()

    [row] = books.rows("select * from reporting.statement_decisions")
    assert (row["decision"], row["decided_by"], row["decided_by_id"]) == ("released", "bob", "2")
    assert row["manifest_sha256"] == issued.sha256
    assert {(act["run_id"], act["user_id"]) for act in row["run_acts"]} == {("manual", "1")}
    assert row["decided_at"] == decision.decided_at
    assert released(books) == [(ADA, 1, False), (GRACE, 1, False), (MARY, 1, False)]


@pytest.mark.parametrize("name", ["ada", " Ada", "a name of today"])
def test_who_triggered_the_run_does_not_release_it_under_whatever_name(
    books: Books, desk: Store, issued: IssuedMonth, name: str
) -> None:
    refused = refusal(desk, issued.sha256, Person("1", name))
    assert (
        "a second person, who acted on no run of the month, has to decide (manual: triggered)"
        in refused
    )
    assert released(books) == []


def test_nobody_releases_what_an_unknown_person_started(
    books: Books, desk: Store, issued: IssuedMonth
) -> None:
    def started_by_command(run_ids: Sequence[str]) -> list[RunAct]:
        return [RunAct(run_id, "triggered by command", None, "ada") for run_id in run_ids]

    with pytest.raises(DecisionRefused) as refused:
        release.release(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, started_by_command)
    assert [each.code for each in refused.value.obstacles] == ["person_unknown"]
    assert released(books) == []


def test_a_run_of_which_airflow_has_no_record_any_more_is_not_released(
    books: Books, desk: Store, issued: IssuedMonth
) -> None:
    with pytest.raises(DecisionRefused, match="Airflow has no record of it"):
        release.release(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, lambda _: [])
    assert released(books) == []


def test_what_was_issued_after_it_was_shown_is_not_released(
    settings: Settings, platform: Platform, books: Books, desk: Store, issued: IssuedMonth
) -> None:
    # Given that Bob looks at October, and a late entry makes Ada issue it again meanwhile
    desk.commit()
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    issue_month(settings, ON_PURPOSE)
    # When he releases what he saw, it is refused
    assert "the hash that was shown is not that of this manifest" in refusal(desk, issued.sha256)
    assert released(books) == []
    # And what he sees when he looks again he may release
    release.release(
        desk,
        DECISION_KEY,
        OCTOBER,
        release.latest_issued_month(desk, OCTOBER).sha256,
        BOB,
        started_by_ada,
    )
    desk.commit()
    assert released(books) == [(ADA, 1, False), (GRACE, 2, False), (MARY, 1, False)]


def test_a_month_with_a_missing_document_is_not_released(
    settings: Settings, platform: Platform, desk: Store
) -> None:
    fill(platform)
    close_id = close_month(settings, OCTOBER, RUN).close_id
    issue.render_shard(settings, close_id, issue.Shard(1, 2, 2), None, RUN)
    manifest = write_manifest(settings, close_id, RUN)

    assert "documents are missing (1)" in refusal(desk, manifest.sha256)


def release_without_ada(desk: Store, issued_sha256: str) -> None:
    named = [str(ADA)]
    release.release(
        desk, DECISION_KEY, OCTOBER, issued_sha256, BOB, started_by_ada, "the rest is right", named
    )
    desk.commit()


def issue_without_ada(settings: Settings, platform: Platform) -> int:
    """Issue October by a run that Ada asked for, in which her own document takes too long."""
    fill(platform)
    for _ in range(2_500):
        platform.post(ADA, OCTOBER.start, 1)
    close_id = close_month(settings, OCTOBER, ON_PURPOSE).close_id
    with pytest.raises(WrongData, match=rf"accounts {ADA} "):
        issue.render_shard(
            settings, close_id, issue.Shard(1, 9, 3), None, ON_PURPOSE, Limits(cpu_seconds=1)
        )
    write_manifest(settings, close_id, ON_PURPOSE)
    return close_id


def test_a_month_is_released_without_the_accounts_that_the_release_names(
    settings: Settings, platform: Platform, books: Books, desk: Store
) -> None:
    # Given a month in which the document of one account could not be made
    issue_without_ada(settings, platform)
    issued = release.latest_issued_month(desk, OCTOBER)
    assert (issued.document_count, issued.missing_count, issued.exception_count) == (2, 0, 1)
    # When nobody names it, another one is named, or no reason is given, it is not released
    assert "it has exceptions, which a release must name (1)" in refusal(desk, issued.sha256)
    for reason, named, refused in [
        ("the rest is right", [str(GRACE)], "no exception"),
        (None, [str(ADA)], "needs a reason"),
    ]:
        with pytest.raises(DecisionRefused, match=refused):
            release.release(
                desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, started_by_ada, reason, named
            )
    # Then it is released without the account, which the decision names
    release_without_ada(desk, issued.sha256)
    assert released(books) == [(GRACE, 1, False), (MARY, 1, False)]
    [row] = books.rows("select named_exceptions, reason from reporting.statement_decisions")
    assert row == {"named_exceptions": [str(ADA)], "reason": "the rest is right"}


def test_a_document_that_is_made_after_the_release_without_it_is_not_released_by_that(
    settings: Settings, platform: Platform, books: Books, desk: Store
) -> None:
    # Given a month that was released without one account
    close_id = issue_without_ada(settings, platform)
    issued = release.latest_issued_month(desk, OCTOBER)
    release_without_ada(desk, issued.sha256)
    # When its document is made
    issue.render_shard(settings, close_id, issue.Shard(1, 9, 3), None, ON_PURPOSE)
    write_manifest(settings, close_id, ON_PURPOSE)
    # Then nobody may see it yet, and who asked for it does not release it
    assert released(books) == [(GRACE, 1, False), (MARY, 1, False)]
    complete = release.latest_issued_month(desk, OCTOBER)
    assert (complete.document_count, complete.exception_count) == (3, 0)
    assert "a second person, who acted on no run of the month, has to decide" in refusal(
        desk, complete.sha256, Person("1", "ada")
    )
    # And a second person releases it
    release.release(desk, DECISION_KEY, OCTOBER, complete.sha256, BOB, started_by_ada)
    desk.commit()
    assert released(books) == [(ADA, 1, False), (GRACE, 1, False), (MARY, 1, False)]


def test_a_month_in_which_a_check_does_not_tie_out_is_not_released(
    settings: Settings, desk: Store, issued: IssuedMonth
) -> None:
    with psycopg.connect(settings.store, row_factory=dict_row) as store:
        failed = checks.result_of(
            "days_equal_statements", OCTOBER, checks.SelectedRows(1, [{"account_id": GRACE}])
        )
        checks.record(store, failed, issued.close_id, RUN)

    assert "a check does not tie out (days_equal_statements month" in refusal(desk, issued.sha256)


def test_a_month_that_is_known_to_differ_from_the_platform_is_not_released_as_it_is(
    settings: Settings, platform: Platform, books: Books, desk: Store, issued: IssuedMonth
) -> None:
    # Given an entry that came late, which a run without a reason has found
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    with pytest.raises(ChangeWithoutReason):
        close_month(settings, OCTOBER, replace(RUN, reason=None))
    # Then what was issued is not released
    assert "a check does not tie out (same_as_issued month" in refusal(desk, issued.sha256)
    desk.commit()
    # And once it was issued again on purpose, that is
    issue_month(settings, ON_PURPOSE)
    release.release(
        desk,
        DECISION_KEY,
        OCTOBER,
        release.latest_issued_month(desk, OCTOBER).sha256,
        BOB,
        started_by_ada,
    )
    desk.commit()
    assert released(books) == [(ADA, 1, False), (GRACE, 2, False), (MARY, 1, False)]


def test_a_correction_is_seen_once_it_is_released_and_what_it_supersedes_is_marked_then(
    settings: Settings, platform: Platform, books: Books, desk: Store, issued: IssuedMonth
) -> None:
    # Given October as it was released
    release.release(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, started_by_ada)
    desk.commit()
    # When a correction is issued, it is not seen yet
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    issue_month(settings, ON_PURPOSE)
    assert released(books) == [(ADA, 1, False), (GRACE, 1, False), (MARY, 1, False)]
    # Then once it is released it is, beside the version that it supersedes
    release.release(
        desk,
        DECISION_KEY,
        OCTOBER,
        release.latest_issued_month(desk, OCTOBER).sha256,
        BOB,
        started_by_ada,
    )
    desk.commit()
    assert released(books) == [
        (ADA, 1, False),
        (GRACE, 1, True),
        (GRACE, 2, False),
        (MARY, 1, False),
    ]


def test_a_release_marks_every_earlier_version_though_one_in_between_was_never_released(
    settings: Settings, platform: Platform, books: Books, desk: Store, issued: IssuedMonth
) -> None:
    # Given October as it was released, and a correction that is rejected
    release.release(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, started_by_ada)
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    desk.commit()
    issue_month(settings, ON_PURPOSE)
    rejected = release.latest_issued_month(desk, OCTOBER)
    release.reject(desk, DECISION_KEY, OCTOBER, rejected.sha256, BOB, "there is more to come")
    desk.commit()
    assert released(books) == [(ADA, 1, False), (GRACE, 1, False), (MARY, 1, False)]
    # When the next correction is released
    platform.post(GRACE, OCTOBER.end - HOUR, -5)
    issue_month(settings, ON_PURPOSE)
    release.release(
        desk,
        DECISION_KEY,
        OCTOBER,
        release.latest_issued_month(desk, OCTOBER).sha256,
        BOB,
        started_by_ada,
    )
    desk.commit()
    # Then the one that was released before it does not stand beside it as if it were good
    assert released(books) == [
        (ADA, 1, False),
        (GRACE, 1, True),
        (GRACE, 3, False),
        (MARY, 1, False),
    ]


def test_a_rejection_is_kept_with_its_reason_and_shows_nothing(
    books: Books, desk: Store, issued: IssuedMonth
) -> None:
    release.reject(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, "the fees look wrong")
    desk.commit()

    [row] = books.rows("select decision, decided_by, reason from reporting.statement_decisions")
    assert row == {"decision": "rejected", "decided_by": "bob", "reason": "the fees look wrong"}
    assert released(books) == []


def test_a_month_that_was_rejected_is_released_by_nobody(
    books: Books, desk: Store, issued: IssuedMonth
) -> None:
    release.reject(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, "the fees look wrong")
    desk.commit()
    for person in (BOB, EVE):
        assert "it was rejected (bob)" in refusal(desk, issued.sha256, person)
        with pytest.raises(DecisionRefused, match="it was rejected"):
            release.reject(desk, DECISION_KEY, OCTOBER, issued.sha256, person, "again")
    assert released(books) == []


def test_a_rejected_month_stays_rejected_after_a_run_without_a_reason(
    settings: Settings, books: Books, desk: Store, issued: IssuedMonth
) -> None:
    release.reject(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, "the fees look wrong")
    desk.commit()
    issue_month(settings, replace(ON_PURPOSE, reason=None))
    assert "it was rejected (bob)" in refusal(desk, issued.sha256, EVE)
    assert release.latest_issued_month(desk, OCTOBER).sha256 == issued.sha256


def test_a_rejected_month_that_is_right_is_shown_again_by_a_run_with_a_reason(
    settings: Settings, books: Books, desk: Store, issued: IssuedMonth
) -> None:
    release.reject(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, "the fees look wrong")
    desk.commit()
    # When October is closed again with a reason, and nothing has changed
    issue_month(settings, replace(ON_PURPOSE, reason="the fees are as agreed in ticket 7"))
    shown = release.latest_issued_month(desk, OCTOBER)
    assert (shown.close_id, shown.reason) == (issued.close_id, "the fees are as agreed in ticket 7")
    # Then the rejected manifest stays rejected, and the new one can be released
    assert shown.sha256 != issued.sha256
    assert "the hash that was shown is not that of this manifest" in refusal(desk, issued.sha256)
    release.release(desk, DECISION_KEY, OCTOBER, shown.sha256, EVE, started_by_ada)
    desk.commit()
    assert released(books) == [(ADA, 1, False), (GRACE, 1, False), (MARY, 1, False)]


def test_a_month_is_released_once(books: Books, desk: Store, issued: IssuedMonth) -> None:
    release.release(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, started_by_ada)
    desk.commit()

    assert "it is released already (bob)" in refusal(desk, issued.sha256, EVE)
    assert len(books.rows("select 1 from reporting.statement_decisions")) == 1


def test_of_two_releases_at_the_same_time_one_succeeds(
    stack: Stack, settings: Settings, module_store_database: str, books: Books, issued: IssuedMonth
) -> None:
    def attempt(person: Person) -> str:
        with psycopg.connect(stack.desk(module_store_database), row_factory=dict_row) as desk:
            try:
                release.release(desk, DECISION_KEY, OCTOBER, issued.sha256, person, started_by_ada)
            except DecisionRefused as refused:
                return str(refused)
            return "released"

    # Both wait for the lock that a close of the month holds
    with ThreadPoolExecutor(2) as people:
        with store_held(settings, OCTOBER):
            both = [people.submit(attempt, person) for person in (BOB, EVE)]
            eventually(lambda: waiting_to_write(settings) == 2)
        outcomes = sorted(each.result(20) for each in both)

    assert "it is released already" in outcomes[0]
    assert outcomes[1] == "released"
    assert len(books.rows("select 1 from reporting.statement_decisions")) == 1


def test_what_is_not_issued_cannot_be_released(
    settings: Settings, platform: Platform, desk: Store
) -> None:
    fill(platform)
    close_month(settings, OCTOBER, replace(RUN, requested_by="ada"))

    with pytest.raises(NotReady, match="is not issued"):
        release.release(desk, DECISION_KEY, OCTOBER, "0" * 64, BOB, started_by_ada)


def test_who_knows_the_desks_password_alone_decides_for_nobody(
    books: Books, desk: Store, issued: IssuedMonth
) -> None:
    with pytest.raises(Misconfigured, match="CB-CONFIG-DECISION-KEY"):
        release.release(desk, "a key that was guessed", OCTOBER, issued.sha256, BOB, started_by_ada)
    desk.rollback()
    with pytest.raises(Misconfigured, match="CB-CONFIG-DECISION-KEY"):
        release.reject(desk, "a key that was guessed", OCTOBER, issued.sha256, BOB, "no")
    desk.rollback()
    assert books.rows("select * from reporting.statement_decisions") == []
    # And with the key he may, as before
    release.release(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, started_by_ada)


def test_a_store_without_a_key_takes_no_decision(
    stack: Stack, module_store_database: str, desk: Store, issued: IssuedMonth
) -> None:
    with psycopg.connect(stack.store_owner(module_store_database)) as owner:
        kept = owner.execute("delete from reporting.decision_key returning *").fetchone()
        owner.commit()
        with pytest.raises(Misconfigured, match="CB-CONFIG-DECISION-KEY"):
            release.release(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, started_by_ada)
        desk.rollback()
        owner.execute("insert into reporting.decision_key values (%s, %s, %s, %s)", kept)
    release.release(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, started_by_ada)


FORGERIES: dict[str, Callable[[str, bytes], tuple[str, bytes | None]]] = {
    "another person": lambda claim, proof: (claim.replace('"2"', '"3"'), proof),
    "another verdict": lambda claim, proof: (claim.replace("released", "rejected"), proof),
    "another reason": lambda claim, proof: (claim.replace("fine", "well"), proof),
    "a blank more": lambda claim, proof: (claim + " ", proof),
    "one bit of the proof": lambda claim, proof: (claim, bytes([proof[0] ^ 1]) + proof[1:]),
    "half of the proof": lambda claim, proof: (claim, proof[:16]),
    "an empty proof": lambda claim, _: (claim, b""),
    "no proof": lambda claim, _: (claim, None),
    "the plain hash of the claim": lambda claim, _: (claim, sha256(claim.encode()).digest()),
    "the proof by an empty key": lambda claim, _: (claim, proof_of(claim, "")),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_proof_is_of_this_decision_and_of_no_other(
    desk: Store,
    issued: IssuedMonth,
    forge: Callable[[str, bytes], tuple[str, bytes | None]],
) -> None:
    genuine = proven(desk, _decision(issued))
    claim, proof = forge(genuine["claim"], genuine["proof"])
    with pytest.raises(psycopg.errors.InvalidAuthorizationSpecification, match="no proof"):
        desk.execute(query("statement_decisions/insert"), {"claim": claim, "proof": proof})
    desk.rollback()
    # The genuine one is taken, in the transaction that it was made for
    desk.execute(query("statement_decisions/insert"), proven(desk, _decision(issued)))


def test_a_proof_that_was_seen_is_of_no_use_later(desk: Store, issued: IssuedMonth) -> None:
    # Given a decision that was undone, and whose proof somebody saw
    seen = proven(desk, _decision(issued))
    desk.execute(query("statement_decisions/insert"), seen)
    desk.rollback()
    with pytest.raises(psycopg.errors.InvalidAuthorizationSpecification, match="transaction"):
        desk.execute(query("statement_decisions/insert"), seen)


def _decision(issued: IssuedMonth) -> dict[str, object]:
    return {
        "manifest_id": issued.manifest_id,
        "manifest_sha256": issued.sha256,
        "decision": "released",
        "person_name": "bob",
        "person_id": "2",
        "run_acts": [asdict(act) for act in started_by_ada(["manual"])],
        "reason": "all is fine",
        "named_exceptions": [],
    }

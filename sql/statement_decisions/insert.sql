-- Writes that a person released or rejected a month. One row: the time. A trigger of the table
-- refuses a decision that has an obstacle.
insert into reporting.statement_decisions (
    manifest_id,
    manifest_sha256,
    decision,
    decided_by,
    decided_by_id,
    run_acts,
    reason,
    named_exceptions
)
values (
    %(manifest_id)s,
    %(manifest_sha256)s,
    %(decision)s,
    %(person_name)s,
    %(person_id)s,
    %(run_acts)s,
    %(reason)s,
    %(named_exceptions)s::text[]
)
returning decision_id, decided_at

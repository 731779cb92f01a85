-- A decision is written only with a proof by a key that no role of the API server or of a task can
-- read here: who has the password of closebook_desk cannot decide under another person's name.

-- The key of decisions: at most one row. Of HMAC-SHA256 it has the two blocks that a message is
-- hashed with, since PostgreSQL has no xor of bytes. The owner reads it, and nobody else.
create table reporting.decision_key (
    is_the_only_one boolean primary key default true check (is_the_only_one),
    inner_block bytea not null check (length(inner_block) = 64),
    outer_block bytea not null check (length(outer_block) = 64),
    set_at timestamptz not null default clock_timestamp()
);

drop function reporting.record_decision(bigint, text, text, text, text, jsonb, text, text[]);

-- Writes that a person released or rejected a month. The one way by which the desk writes a
-- decision: the triggers of the table refuse one that has an obstacle. A claim is a JSON object
-- with all of the decision, and with the transaction that it is made in; its proof is the
-- HMAC-SHA256 of its text.
create function reporting.record_decision(claim text, proof bytea)
returns table (decision_id bigint, decided_at timestamptz)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    expected bytea;
    claimed jsonb;
begin
    select sha256(key.outer_block || sha256(key.inner_block || convert_to(claim, 'UTF8')))
    into expected
    from reporting.decision_key as key;
    if expected is null or proof is null or proof <> expected then
        raise exception using
            errcode = 'invalid_authorization_specification',
            message = 'CB-CONFIG-DECISION-UNPROVEN: the decision has no proof by the key of '
            || 'decisions, for this transaction';
    end if;
    claimed := claim::jsonb;
    -- A proof that somebody saw is of no use in another transaction.
    if coalesce(claimed ->> 'transaction', '') <> pg_current_xact_id()::text then
        raise exception using
            errcode = 'invalid_authorization_specification',
            message = 'CB-CONFIG-DECISION-UNPROVEN: the decision has no proof by the key of '
            || 'decisions, for this transaction';
    end if;
    return query
    insert into reporting.statement_decisions as decisions (
        manifest_id, manifest_sha256, decision, decided_by, decided_by_id, run_acts, reason,
        named_exceptions
    )
    values (
        (claimed ->> 'manifest_id')::bigint,
        claimed ->> 'manifest_sha256',
        claimed ->> 'decision',
        claimed ->> 'person_name',
        claimed ->> 'person_id',
        claimed -> 'run_acts',
        claimed ->> 'reason',
        array(select jsonb_array_elements_text(claimed -> 'named_exceptions'))
    )
    returning decisions.decision_id, decisions.decided_at;
end;
$$;

revoke all on function reporting.record_decision(text, bytea) from public;
grant execute on function reporting.record_decision(text, bytea) to closebook_desk;

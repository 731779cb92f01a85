-- All that the desk writes needs a proof by the key of decisions, as a decision does: requests,
-- answers to them, and entries of its log. Who has the password of closebook_desk alone can write
-- nothing under another person's name.

-- Returns what a claim says, as JSON, if its proof is the HMAC-SHA256 of its text by the key of
-- decisions. A claim is a JSON object: which record it is for, all that is written, and the
-- transaction that it is made in. All that the desk writes comes through here: a log-in to the
-- store proves no person.
create function reporting.proven_claim(record_kind text, claim text, proof bytea) returns jsonb
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    expected bytea;
    claimed jsonb;
begin
    select sha256(key.outer_block || sha256(key.inner_block || convert_to(claim, 'UTF8')))
    into expected
    from reporting.decision_key as key;
    if expected is null or proof is null or proof <> expected then  -- guard: release.proof
        raise exception using
            errcode = 'invalid_authorization_specification',
            message = 'CB-CONFIG-DECISION-UNPROVEN: what is written has no proof by the key of '
            || 'decisions, for this record and transaction';
    end if;
    claimed := claim::jsonb;
    -- A proof that somebody saw is of no use in another transaction, or for another record.
    if
        -- guard: release.proof-is-of-this-transaction
        coalesce(claimed ->> 'transaction', '') <> pg_current_xact_id()::text
        or coalesce(claimed ->> 'record', '') <> record_kind  -- guard: release.proof-is-of-this-record
    then
        raise exception using
            errcode = 'invalid_authorization_specification',
            message = 'CB-CONFIG-DECISION-UNPROVEN: what is written has no proof by the key of '
            || 'decisions, for this record and transaction';
    end if;
    return claimed;
end;
$$;

-- Writes that a person released or rejected a month. The one way by which the desk writes a
-- decision: the triggers of the table refuse one that has an obstacle.
create or replace function reporting.record_decision(claim text, proof bytea)
returns table (decision_id bigint, decided_at timestamptz)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    claimed jsonb := reporting.proven_claim('decision', claim, proof);
begin
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

-- Writes a person's request to issue a statement again. While one about the same version is open,
-- nothing is written, and no row comes.
create function reporting.record_reissue_request(claim text, proof bytea)
returns table (request_id bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    claimed jsonb := reporting.proven_claim('request', claim, proof);
begin
    return query
    insert into reporting.reissue_requests as requests (
        close_id, account_id, currency, reason, requested_by
    )
    select
        (claimed ->> 'close_id')::bigint,
        (claimed ->> 'account_id')::reporting.account_key,
        claimed ->> 'currency',
        claimed ->> 'reason',
        claimed ->> 'person'
    where
        not exists (
            select 1
            from reporting.reissue_requests as earlier
            left join reporting.reissue_answers as answers
                on earlier.request_id = answers.request_id
            where
                earlier.close_id = (claimed ->> 'close_id')::bigint
                and earlier.account_id = (claimed ->> 'account_id')::reporting.account_key
                and earlier.currency = claimed ->> 'currency'
                and answers.request_id is null  -- guard: desk.one-open-request
        )
    returning requests.request_id;
end;
$$;

-- Writes a person's answer to a request, once: a second answer changes nothing and gives no row.
create function reporting.record_reissue_answer(claim text, proof bytea)
returns table (request_id bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    claimed jsonb := reporting.proven_claim('answer', claim, proof);
begin
    return query
    insert into reporting.reissue_answers as answers (request_id, answer, note, answered_by)
    select
        requests.request_id,
        claimed ->> 'answer',
        claimed ->> 'note',
        claimed ->> 'person'
    from reporting.reissue_requests as requests
    where requests.request_id = (claimed ->> 'request_id')::bigint
    on conflict on constraint reissue_answers_pkey do nothing
    returning answers.request_id;
end;
$$;

-- Writes an entry of the desk's log; a trigger sets its number, time and hashes.
create function reporting.record_log_entry(claim text, proof bytea) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    claimed jsonb := reporting.proven_claim('log entry', claim, proof);
begin
    insert into reporting.desk_log (person, act, subject, document_sha256, address)
    values (
        claimed ->> 'person',
        claimed ->> 'act',
        claimed ->> 'subject',
        claimed ->> 'document_sha256',
        claimed ->> 'address'
    );
end;
$$;

revoke insert on reporting.reissue_requests, reporting.reissue_answers from closebook_desk;
revoke insert (person, act, subject, document_sha256, address)
on reporting.desk_log from closebook_desk;
revoke all on function reporting.proven_claim(text, text, bytea) from public;
revoke all on function
reporting.record_reissue_request(text, bytea),
reporting.record_reissue_answer(text, bytea),
reporting.record_log_entry(text, bytea)
from public;
grant execute on function
reporting.record_reissue_request(text, bytea),
reporting.record_reissue_answer(text, bytea),
reporting.record_log_entry(text, bytea)
to closebook_desk;

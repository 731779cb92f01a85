-- A search of the desk is counted and sorted however many statements it finds: by number, name or
-- balance, each with an index in that order.
create index statements_by_account
on reporting.statements (left(account_search, 64) collate "C", (-close_id), account_id);

create index statements_by_holder
on reporting.statements (left(holder_search, 64) collate "C", (-close_id), account_id);

create index statements_by_closing
on reporting.statements (currency, closing_minor, (-close_id), account_id);

create or replace view reporting.statement_names as
select
    close_id,
    account_id,
    currency,
    holder_search,
    account_search,
    closing_minor,
    left(account_search, 64) collate "C" as account_order,
    left(holder_search, 64) collate "C" as holder_order,
    -close_id as newest_order
from reporting.statements;

-- noqa: disable=RF01
-- Whether a person may see a statement, in the state that is wanted; null is any state.
create function reporting.is_shown(
    close_id bigint,
    account_id reporting.account_key,
    currency text,
    wanted_state text,
    may_review boolean
)
returns boolean
language sql stable set search_path = pg_catalog, pg_temp
begin atomic
    select exists(
        select 1
        from reporting.issued_statements as statements
        where
            statements.close_id = is_shown.close_id
            and statements.account_id = is_shown.account_id
            and statements.currency = is_shown.currency
            -- guard: desk.released-only-in-list
            and (is_shown.may_review or statements.statement_state in ('released', 'superseded'))
            and (
                is_shown.wanted_state is null or statements.statement_state = is_shown.wanted_state
            )
    );
end;

-- The statements that fit a search: one row a statement. Those of a released month are released,
-- but for those that a later close issued again, and for accounts that a release left out: each of
-- these is looked up. A criterion that is null fits all. PostgreSQL puts the function's text in
-- place of its name, and plans it with the rest.
create function reporting.matching_statements(
    close_ids bigint[],
    correction_ids bigint[],
    unreleased_ids bigint[],
    superseded_ids bigint[],
    exception_close_ids bigint[],
    exception_account_ids reporting.account_key[],
    wanted_currency text,
    wanted_state text,
    may_review boolean,
    account_patterns text[],
    holder_patterns text[]
)
returns setof reporting.statement_names
language sql stable
begin atomic
    select
        names.close_id,
        names.account_id,
        names.currency,
        names.holder_search,
        names.account_search,
        names.closing_minor,
        names.account_order,
        names.holder_order,
        names.newest_order
    from reporting.statement_names as names -- noqa: RF04
    where
        names.close_id = any(matching_statements.close_ids)
        and (
            matching_statements.wanted_currency is null
            or names.currency = matching_statements.wanted_currency
        )
        and (
            matching_statements.account_patterns is null
            or names.account_search like any(matching_statements.account_patterns)
        )
        -- The words of a name: the first ones one by one, so that an index finds them.
        and (
            matching_statements.holder_patterns[1] is null
            or names.holder_search like matching_statements.holder_patterns[1]
        )
        and (
            matching_statements.holder_patterns[2] is null
            or names.holder_search like matching_statements.holder_patterns[2]
        )
        and (
            matching_statements.holder_patterns[3] is null
            or names.holder_search like matching_statements.holder_patterns[3]
        )
        and (
            matching_statements.holder_patterns[4] is null
            or names.holder_search like all(matching_statements.holder_patterns)
        )
        -- A correction issues few of its statements.
        and (
            names.close_id <> all(matching_statements.correction_ids)
            or (names.close_id, names.account_id, names.currency) in (
                select
                    versions.close_id,
                    versions.account_id,
                    versions.currency
                from reporting.statement_versions as versions
                where
                    versions.close_id = any(matching_statements.correction_ids)
                    and versions.issued_close_id = versions.close_id
            )
        )
        and (
            (matching_statements.may_review and matching_statements.wanted_state is null)
            or case
                -- With the limit PostgreSQL looks up each document, and reads no table as a whole.
                when names.close_id = any(matching_statements.unreleased_ids)
                    then
                        (matching_statements.wanted_state = 'issued')
                        = coalesce(
                            (
                                select true
                                from reporting.statement_documents as documents
                                where
                                    documents.close_id = names.close_id
                                    and documents.account_id = names.account_id
                                    and documents.currency = names.currency
                                limit 1 -- noqa: AM09
                            ),
                            false
                        )
                when
                    (names.close_id, names.account_id) in (
                        select
                            later.superseded_close_id,
                            later.account_id
                        from reporting.statement_versions as later
                        where later.superseded_close_id = any(matching_statements.superseded_ids)
                        union all
                        select
                            given.close_id,
                            given.account_id
                        from
                            unnest(
                                matching_statements.exception_close_ids,
                                matching_statements.exception_account_ids
                            ) as given (close_id, account_id)
                    )
                    then
                        reporting.is_shown(
                            names.close_id,
                            names.account_id,
                            names.currency,
                            matching_statements.wanted_state,
                            matching_statements.may_review
                        )
                else coalesce(matching_statements.wanted_state, 'released') = 'released'
            end
        );
end;
-- noqa: enable=RF01

revoke all on function
reporting.is_shown(bigint, reporting.account_key, text, text, boolean),
reporting.matching_statements(
    bigint[],
    bigint[],
    bigint[],
    bigint[],
    bigint[],
    reporting.account_key[],
    text,
    text,
    boolean,
    text[],
    text[]
) from public;
grant execute on function
reporting.is_shown(bigint, reporting.account_key, text, text, boolean),
reporting.matching_statements(
    bigint[],
    bigint[],
    bigint[],
    bigint[],
    bigint[],
    reporting.account_key[],
    text,
    text,
    boolean,
    text[],
    text[]
) to closebook_desk;

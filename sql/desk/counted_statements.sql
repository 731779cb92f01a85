-- How many statements fit a search, up to one more than most_counted, and a page of them in an
-- order if they are not more. Looked through are the closes whole_close_ids, and statements that
-- are chosen. One row a statement of the page; one without a statement if the page has none. The
-- closes are given in the order of months.
with asked as (
    select
        %(sort_column)s::text as sort_column,
        %(is_descending)s::boolean as is_descending,
        %(skipped)s::bigint as skipped,
        %(row_count)s::bigint as row_count,
        %(most_counted)s::bigint as most_counted,
        %(close_ids)s::bigint[] as close_ids
),

given as (
    select
        close_id,
        account_id,
        currency
    from
        unnest(
            %(chosen_close_ids)s::bigint[],
            %(chosen_account_ids)s::reporting.account_key[],
            %(chosen_currencies)s::text[]
        ) as chosen (close_id, account_id, currency)
),

found as materialized (
    (
        select
            close_id,
            account_id,
            currency,
            closing_minor,
            account_order,
            holder_order,
            newest_order
        from
            reporting.matching_statements(
                %(whole_close_ids)s::bigint[],
                %(correction_ids)s::bigint[],
                %(unreleased_ids)s::bigint[],
                %(superseded_ids)s::bigint[],
                %(exception_close_ids)s::bigint[],
                %(exception_account_ids)s::reporting.account_key[],
                %(currency)s::text,
                %(statement_state)s::text,
                %(may_review)s::boolean,
                %(account_patterns)s::text[],
                %(holder_patterns)s::text[]
            )
        limit %(most_counted)s::bigint + 1 -- noqa: AM09
    )
    union all
    (
        select
            chosen.close_id,
            chosen.account_id,
            chosen.currency,
            chosen.closing_minor,
            chosen.account_order,
            chosen.holder_order,
            chosen.newest_order
        from given
        cross join
            lateral (
                select
                    matching.close_id,
                    matching.account_id,
                    matching.currency,
                    matching.closing_minor,
                    matching.account_order,
                    matching.holder_order,
                    matching.newest_order
                from
                    reporting.matching_statements(
                        %(close_ids)s::bigint[],
                        %(correction_ids)s::bigint[],
                        %(unreleased_ids)s::bigint[],
                        %(superseded_ids)s::bigint[],
                        %(exception_close_ids)s::bigint[],
                        %(exception_account_ids)s::reporting.account_key[],
                        %(currency)s::text,
                        %(statement_state)s::text,
                        %(may_review)s::boolean,
                        %(account_patterns)s::text[],
                        %(holder_patterns)s::text[]
                    ) as matching
                where
                    matching.close_id = given.close_id
                    and matching.account_id = given.account_id
                    and matching.currency = given.currency
                limit 1 -- noqa: AM09
            ) as chosen
        limit %(most_counted)s::bigint + 1 -- noqa: AM09
    )
    limit %(most_counted)s::bigint + 1 -- noqa: AM09
),

counted as (
    select count(*) as match_count
    from found
),

placed as (
    select
        found.close_id,
        found.account_id,
        found.currency,
        row_number() over (
            order by
                case
                    when asked.sort_column = 'month'
                        then array_position(asked.close_ids, found.close_id)
                end asc,
                case
                    when asked.sort_column = 'account' then found.account_order
                    when asked.sort_column = 'holder' then found.holder_order
                end asc,
                case when asked.sort_column = 'closing' then found.currency end asc,
                case when asked.sort_column = 'closing' then found.closing_minor end asc,
                found.newest_order asc,
                found.account_id asc,
                found.currency asc
        ) as ascending_place
    from found
    cross join counted
    cross join asked
    where counted.match_count <= asked.most_counted
),

ordered as (
    select
        placed.close_id,
        placed.account_id,
        placed.currency,
        case
            when asked.is_descending
                then counted.match_count + 1 - placed.ascending_place
            else placed.ascending_place
        end as place
    from placed
    cross join counted
    cross join asked
)

select
    counted.match_count,
    ordered.close_id,
    ordered.account_id,
    ordered.currency
from counted
cross join asked
left join ordered
    on
        asked.skipped < ordered.place
        and asked.skipped + asked.row_count >= ordered.place
order by ordered.place asc

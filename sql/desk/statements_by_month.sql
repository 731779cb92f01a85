-- The statements that fit a search by month, and in a month by account and currency: at most
-- row_count after a place, or before it in the opposite order. One row a statement. The closes are
-- given in the order in which they are wanted. It reads an index in this order: for a search that
-- finds many.
(
    select
        found.close_id,
        found.account_id,
        found.currency
    from
        unnest(%(close_ids)s::bigint[]) with ordinality as months (close_id, place)
    cross join
        lateral ( -- noqa: ST05
            select
                matching.close_id,
                matching.account_id,
                matching.currency
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
                not %(is_backward)s::boolean
                and matching.close_id = months.close_id
                and (
                    months.close_id is distinct from %(place_close_id)s::bigint
                    or (matching.account_id, matching.currency)
                    > (%(place_account_id)s::reporting.account_key, %(place_currency)s::text)
                )
            order by matching.account_id asc, matching.currency asc
            limit %(row_count)s::integer
        ) as found
    order by months.place asc, found.account_id asc, found.currency asc
    limit %(row_count)s::integer
)
union all
(
    select
        found.close_id,
        found.account_id,
        found.currency
    from
        unnest(%(close_ids)s::bigint[]) with ordinality as months (close_id, place)
    cross join
        lateral ( -- noqa: ST05
            select
                matching.close_id,
                matching.account_id,
                matching.currency
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
                %(is_backward)s::boolean
                and matching.close_id = months.close_id
                and (
                    months.close_id is distinct from %(place_close_id)s::bigint
                    or (matching.account_id, matching.currency)
                    < (%(place_account_id)s::reporting.account_key, %(place_currency)s::text)
                )
            order by matching.account_id desc, matching.currency desc
            limit %(row_count)s::integer
        ) as found
    order by months.place asc, found.account_id desc, found.currency desc
    limit %(row_count)s::integer
)

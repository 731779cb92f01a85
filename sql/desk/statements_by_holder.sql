-- The statements that fit a search by name of the holder, the newest close first where that is
-- equal: at most row_count after a place, or before it in the opposite order. One row a statement.
-- It reads an index in this order: for a search that finds many.
(
    select
        close_id,
        account_id,
        currency
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
        )
    where
        not %(is_backward)s::boolean
        and (
            %(place_close_id)s::bigint is null
            or (holder_order, newest_order, account_id, currency)
            > (
                %(place_holder)s::text,
                -%(place_close_id)s::bigint,
                %(place_account_id)s::reporting.account_key,
                %(place_currency)s::text
            )
        )
    order by holder_order asc, newest_order asc, account_id asc, currency asc
    limit %(row_count)s::integer
)
union all
(
    select
        close_id,
        account_id,
        currency
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
        )
    where
        %(is_backward)s::boolean
        and (
            %(place_close_id)s::bigint is null
            or (holder_order, newest_order, account_id, currency)
            < (
                %(place_holder)s::text,
                -%(place_close_id)s::bigint,
                %(place_account_id)s::reporting.account_key,
                %(place_currency)s::text
            )
        )
    order by holder_order desc, newest_order desc, account_id desc, currency desc
    limit %(row_count)s::integer
)

-- The statements that fit a search, in an order: at most row_count after a place, or before it in
-- the opposite order. One row a statement. The closes are given in the order of months. It finds
-- all statements by their names and sorts them: for a search that finds more than are counted, but
-- few of all, which may stand together in the order, far from its beginning.
with found as materialized (
    select
        close_id,
        account_id,
        currency,
        newest_order,
        case
            when %(sort_column)s::text = 'account' then account_order
            when %(sort_column)s::text = 'holder' then holder_order
            when %(sort_column)s::text = 'closing' then currency
            else ''
        end collate "C" as text_order,
        case
            when %(sort_column)s::text = 'closing' then closing_minor
            when %(sort_column)s::text = 'month'
                then array_position(%(close_ids)s::bigint[], close_id)
            else 0
        end as number_order
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
)

(
    select
        close_id,
        account_id,
        currency
    from found
    where
        not %(is_backward)s::boolean
        and (
            %(place_close_id)s::bigint is null
            or (text_order, number_order, newest_order, account_id, currency)
            > (
                %(place_text)s::text collate "C",
                %(place_number)s::bigint,
                -%(place_close_id)s::bigint,
                %(place_account_id)s::reporting.account_key,
                %(place_currency)s::text
            )
        )
    order by
        text_order asc, number_order asc, newest_order asc, account_id asc, currency asc
    limit %(row_count)s::integer
)
union all
(
    select
        close_id,
        account_id,
        currency
    from found
    where
        %(is_backward)s::boolean
        and (
            %(place_close_id)s::bigint is null
            or (text_order, number_order, newest_order, account_id, currency)
            < (
                %(place_text)s::text collate "C",
                %(place_number)s::bigint,
                -%(place_close_id)s::bigint,
                %(place_account_id)s::reporting.account_key,
                %(place_currency)s::text
            )
        )
    order by
        text_order desc, number_order desc, newest_order desc, account_id desc, currency desc
    limit %(row_count)s::integer
)

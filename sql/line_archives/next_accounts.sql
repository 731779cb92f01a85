-- The first and the last account of the next lines of a close that may leave the store: so many
-- lines, and the others of the last account. One row; null if there are no such lines.
with next_lines as (
    select account_id
    from reporting.statement_lines
    where
        close_id = %(close_id)s
        -- guard: retention.held-lines-are-not-written
        and account_id not in (select held.account_id from reporting.held_accounts as held)
    order by account_id asc
    limit %(most_lines)s
)

select
    (
        select next_lines.account_id
        from next_lines
        order by next_lines.account_id asc
        limit 1
    ) as first_account_id,
    (
        select next_lines.account_id
        from next_lines
        order by next_lines.account_id desc
        limit 1
    ) as last_account_id

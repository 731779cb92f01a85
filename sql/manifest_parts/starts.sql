-- Where the parts of a month's manifest begin: one row for each part_entries statements, in order,
-- with the first statement, its place from 0, and the number of statements. Only parts that have
-- accounts from first_account_id to last_account_id; null is no limit.
with numbered as (
    select
        account_id,
        currency,
        row_number() over (order by account_id asc, currency asc) - 1 as place,
        count(*) over () as statement_count
    from reporting.statements
    where close_id = %(close_id)s
),

parts as (
    select
        account_id,
        currency,
        place as first_entry,
        least(%(part_entries)s::bigint, statement_count - place) as entry_count,
        lead(account_id) over (order by place asc) as next_account_id
    from numbered
    where mod(place, %(part_entries)s::bigint) = 0
)

select
    account_id,
    currency,
    first_entry,
    entry_count
from parts
where
    (
        %(last_account_id)s::reporting.account_key is null
        or account_id <= %(last_account_id)s::reporting.account_key
    )
    -- The next part may begin with another statement of the last account of this one.
    and (
        %(first_account_id)s::reporting.account_key is null
        or next_account_id is null
        or next_account_id >= %(first_account_id)s::reporting.account_key
    )
order by first_entry asc

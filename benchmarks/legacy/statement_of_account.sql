-- The old statement of one account and month, read on the primary when somebody asked for it: one
-- row a line, each with its balance added up anew.
select
    lines.entry_id,
    lines.posted_at,
    lines.description,
    lines.amount_minor,
    (
        select sum(earlier.amount_minor)
        from platform.ledger_entries as earlier
        where
            earlier.wallet_id = lines.wallet_id
            and (earlier.posted_at, earlier.entry_id) <= (lines.posted_at, lines.entry_id)
    )::bigint as balance_minor
from platform.ledger_entries as lines
where
    lines.wallet_id = %(account_id)s
    and lines.posted_at >= %(period_start)s
    and lines.posted_at < %(period_end)s
order by lines.posted_at, lines.entry_id

-- How many released statements a month has that no released one supersedes, and their size: one
-- row. It goes before a month is packed.
select
    count(*) as document_count,
    coalesce(sum(statements.byte_count), 0)::bigint as byte_count
from reporting.closes
inner join reporting.issued_statements as statements
    on closes.close_id = statements.close_id
where
    closes.grain = 'month'
    and closes.period_start = %(month_start)s
    and statements.statement_state = 'released'

-- Writes what a close has left out: one row a measure, subject and currency. The first reason of
-- the alphabet counts.
insert into reporting.close_exceptions (
    close_id, measure, subject_kind, subject, currency, reason, row_count, amount_minor
)
select
    %(close_id)s as close_id,
    measure,
    subject_kind,
    case when subject_kind = 'currency' then reporting.currency_label(subject) else subject end
        as subject,
    reporting.currency_label(currency) as currency,
    min(reason) as reason,
    sum(row_count) as row_count,
    sum(amount_minor) as amount_minor
from
    unnest(
        %(measures)s::text[],
        %(subject_kinds)s::text[],
        %(subjects)s::text[],
        %(currencies)s::text[],
        %(reasons)s::text[],
        %(row_counts)s::bigint[],
        %(amounts_minor)s::numeric[]
    ) as left_out (
        measure, subject_kind, subject, currency, reason, row_count, amount_minor
    )
group by
    measure,
    subject_kind,
    case when subject_kind = 'currency' then reporting.currency_label(subject) else subject end,
    reporting.currency_label(currency)

-- Writes the control totals of a close: one row a measure and currency.
insert into reporting.close_totals (close_id, measure, currency, row_count, amount_minor)
select
    %(close_id)s as close_id,
    measure,
    reporting.currency_label(currency) as currency,
    sum(row_count) as row_count,
    sum(amount_minor) as amount_minor
from
    unnest(
        %(measures)s::text[],
        %(currencies)s::text[],
        %(row_counts)s::bigint[],
        %(amounts_minor)s::numeric[]
    ) as totals (measure, currency, row_count, amount_minor)
group by measure, reporting.currency_label(currency)

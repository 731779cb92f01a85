-- A close keeps the business dates and the rules of time that it was closed under, and a line its
-- business day: the rules of a time zone change afterwards, and so does the business time zone.

alter table reporting.closes
add column first_date date,
add column last_date date,
add column closed_on date,
add column tzdata_version text;

alter table reporting.statement_lines add column posted_on date;

-- Closes of before have no dates. That of a period's middle is the same under any two versions of a
-- zone's rules: they differ by hours, and the middle is half a day or half a month away.
with middles as (
    select
        close_id,
        grain,
        (period_start + (period_end - period_start) / 2) at time zone time_zone as middle
    from reporting.closes
    where grain in ('day', 'month')
)

update reporting.closes
set
    first_date = case
        when middles.grain = 'day' then middles.middle::date
        else date_trunc('month', middles.middle)::date
    end,
    last_date = case
        when middles.grain = 'day' then middles.middle::date
        else (date_trunc('month', middles.middle) + interval '1 month' - interval '1 day')::date
    end
from middles
where closes.close_id = middles.close_id;

alter table reporting.closes
add constraint closes_have_dates
check (grain = 'hour' or (first_date is not null and last_date is not null));

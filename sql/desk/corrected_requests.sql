-- The requests that the named corrections of a close's month may answer, newest first: those about
-- the released version of the statement (old_close_ids) or a later one before the new one
-- (new_close_ids), unless they were declined. One row a request.
with corrected as (
    select
        named.account_id,
        named.currency,
        named.old_close_id,
        named.new_close_id
    from
        unnest(
            %(account_ids)s::reporting.account_key[],
            %(currencies)s::text[],
            %(old_close_ids)s::bigint[],
            %(new_close_ids)s::bigint[]
        ) as named (account_id, currency, old_close_id, new_close_id)
),

months as (
    select siblings.close_id
    from reporting.closes as shown
    inner join reporting.closes as siblings
        on shown.grain = siblings.grain and shown.period_start = siblings.period_start
    where shown.close_id = %(close_id)s
)

select
    corrected.account_id,
    corrected.currency,
    requests.request_id,
    requests.reason,
    requests.requested_by,
    requests.requested_at,
    answers.answer
from corrected
inner join reporting.reissue_requests as requests
    on
        corrected.account_id = requests.account_id
        and corrected.currency = requests.currency
        and corrected.old_close_id <= requests.close_id
        and corrected.new_close_id > requests.close_id
inner join months on requests.close_id = months.close_id
left join reporting.reissue_answers as answers on requests.request_id = answers.request_id
where coalesce(answers.answer, '') <> 'declined'
order by requests.request_id desc

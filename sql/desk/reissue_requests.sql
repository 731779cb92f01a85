-- The newest 200 requests to issue a statement again, open ones first. One row a request; no name
-- and no number of an account is in it.
select
    requests.request_id,
    requests.account_id,
    requests.currency,
    closes.first_date,
    requests.reason,
    requests.requested_by,
    requests.requested_at,
    answers.answer,
    answers.note,
    answers.answered_by,
    answers.answered_at
from reporting.reissue_requests as requests
inner join reporting.closes on requests.close_id = closes.close_id
left join reporting.reissue_answers as answers on requests.request_id = answers.request_id
order by answers.request_id is not null asc, requests.request_id desc
limit 200

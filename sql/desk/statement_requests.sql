-- What finance asked for about a version of a statement, newest first, and what came of it.
select
    requests.request_id,
    requests.reason,
    requests.requested_by,
    requests.requested_at,
    answers.answer,
    answers.note,
    answers.answered_by,
    answers.answered_at
from reporting.reissue_requests as requests
left join reporting.reissue_answers as answers on requests.request_id = answers.request_id
where
    requests.close_id = %(close_id)s
    and requests.account_id = %(account_id)s
    and requests.currency = %(currency)s
order by requests.request_id desc

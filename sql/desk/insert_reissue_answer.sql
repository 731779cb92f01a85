-- An operator answers a request, once: a second answer changes nothing and gives no row.
insert into reporting.reissue_answers (request_id, answer, note, answered_by)
select
    requests.request_id,
    %(answer)s::text,
    %(note)s::text,
    %(person)s::text
from reporting.reissue_requests as requests
where requests.request_id = %(request_id)s
on conflict (request_id) do nothing
returning request_id

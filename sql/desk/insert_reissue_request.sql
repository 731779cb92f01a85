-- Finance asks for a statement to be issued again. One row: the request's id.
insert into reporting.reissue_requests (close_id, account_id, reason, requested_by)
values (%(close_id)s, %(account_id)s, %(reason)s, %(person)s)
returning request_id

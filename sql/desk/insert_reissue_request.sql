-- Writes a request of finance to issue a statement again.
insert into reporting.reissue_requests (
    close_id, account_id, currency, reason, requested_by
)
values (%(close_id)s, %(account_id)s, %(currency)s, %(reason)s, %(person)s)

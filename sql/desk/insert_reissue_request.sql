-- Writes a request of finance to issue a statement again: one row, its id. While one about the same
-- version is open, nothing is written, and no row comes.
insert into reporting.reissue_requests (
    close_id, account_id, currency, reason, requested_by
)
select
    %(close_id)s::bigint,
    %(account_id)s::reporting.account_key,
    %(currency)s::text,
    %(reason)s::text,
    %(person)s::text
where
    not exists (
        select 1
        from reporting.reissue_requests as requests
        left join reporting.reissue_answers as answers on requests.request_id = answers.request_id
        where
            requests.close_id = %(close_id)s::bigint
            and requests.account_id = %(account_id)s::reporting.account_key
            and requests.currency = %(currency)s::text
            and answers.request_id is null  -- guard: desk.one-open-request
    )
returning request_id

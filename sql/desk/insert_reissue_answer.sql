-- An operator answers a request, as the claim says, once: a second answer changes nothing and gives
-- no row.
select request_id from reporting.record_reissue_answer(%(claim)s::text, %(proof)s::bytea)

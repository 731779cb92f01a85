-- Writes a request of finance to issue a statement again, as the claim says: one row, its id. While
-- one about the same version is open, nothing is written, and no row comes.
select request_id from reporting.record_reissue_request(%(claim)s::text, %(proof)s::bytea)

-- Writes an attachment (twin) of a statement. One that exists already is kept.
insert into reporting.statement_twins (
    close_id,
    account_id,
    currency,
    media_type,
    sha256,
    byte_count,
    crc32,
    object_name
)
values (
    %(close_id)s,
    %(account_id)s,
    %(currency)s,
    %(media_type)s,
    %(sha256)s,
    %(byte_count)s,
    %(crc32)s,
    %(object_name)s
)
on conflict (close_id, account_id, currency, media_type) do nothing

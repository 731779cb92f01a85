-- Writes which lines an archive has. One with the same content is kept.
insert into reporting.line_archives (
    close_id,
    first_account_id,
    last_account_id,
    line_count,
    amount_minor,
    sha256,
    byte_count,
    object_name,
    run_id,
    requested_by
)
values (
    %(close_id)s,
    %(first_account_id)s,
    %(last_account_id)s,
    %(line_count)s,
    %(amount_minor)s,
    %(sha256)s,
    %(byte_count)s,
    %(object_name)s,
    %(run_id)s,
    %(requested_by)s
)
on conflict (close_id, sha256) do nothing

-- What the reader may see of a platform's database: the contract's views, and how the replica's
-- link to the primary is; nothing else.

grant usage on schema reporting_source to closebook_reader;
grant select on all tables in schema reporting_source to closebook_reader;

-- PostgreSQL shows this to members of pg_read_all_stats only, together with the text of everybody's
-- queries. A function that runs with its owner's rights gives the reader these four columns alone.
create or replace function reporting_source.wal_receiver(
    out status text,
    out timeline integer,
    out last_message_at timestamptz,
    out announced_position bigint
)
returns setof record
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
    select
        receiver.status,
        receiver.received_tli,
        receiver.last_msg_receipt_time,
        (receiver.latest_end_lsn - '0/0'::pg_lsn)::bigint
    from pg_catalog.pg_stat_wal_receiver as receiver;
end;

revoke all on function reporting_source.wal_receiver() from public;
grant execute on function reporting_source.wal_receiver() to closebook_reader;

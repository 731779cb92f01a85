-- A month's manifest is made from parts of 256 statements, which are written one by one. The
-- register has which are there, so that a task that is started again goes on where it was.
create table reporting.manifest_parts (
    part_id bigint generated always as identity primary key,
    close_id bigint not null references reporting.closes (close_id),
    -- The place of its first statement in the manifest, from 0.
    first_entry bigint not null check (first_entry >= 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    object_name text not null,
    run_id text not null,
    written_at timestamptz not null default clock_timestamp(),
    unique (close_id, first_entry, sha256)
);

grant select, insert on reporting.manifest_parts to closebook_store;

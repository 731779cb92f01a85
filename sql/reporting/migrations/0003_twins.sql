-- What statements' documents are made with, and the twins that are kept beside them.
create table reporting.renderers (
    renderer_sha256 text primary key check (renderer_sha256 ~ '^[0-9a-f]{64}$'),
    template_version text not null,
    template_sha256 text not null check (template_sha256 ~ '^[0-9a-f]{64}$'),
    renderer_version text not null,
    typefaces jsonb not null,
    first_used_at timestamptz not null default clock_timestamp()
);

-- Documents of before have none of these.
alter table reporting.statement_documents
add column renderer_sha256 text references reporting.renderers (renderer_sha256),
add column conformance text,
add column replaced_count bigint check (replaced_count >= 0);

create table reporting.statement_twins (
    close_id bigint not null,
    account_id keys.account not null,
    media_type text not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    byte_count bigint not null check (byte_count > 0),
    object_name text not null,
    primary key (close_id, account_id, media_type),
    foreign key (close_id, account_id)
    references reporting.statement_documents (close_id, account_id)
);

grant select on reporting.renderers, reporting.statement_twins to closebook_store, closebook_desk;
grant insert on reporting.renderers, reporting.statement_twins to closebook_store;

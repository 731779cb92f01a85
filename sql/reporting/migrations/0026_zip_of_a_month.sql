-- The ZIP of a month begins at once and goes on at any byte: it needs the CRC-32 of each document
-- and attachment, and a plan of each manifest. Documents and manifests from before have none: the
-- desk reads them where it needs them.

alter table reporting.statement_documents add column crc32 bigint
check (crc32 between 0 and 4294967295);

alter table reporting.statement_twins add column crc32 bigint
check (crc32 between 0 and 4294967295);

-- What the ZIP of a manifest's statements needs to begin at once: how many bytes the files of each
-- block of its entries have. A manifest from before this table has none.
create table reporting.zip_plans (
    manifest_id bigint primary key references reporting.statement_manifests (manifest_id),
    plan jsonb not null
);

-- The documents and their attachments as a ZIP needs them: one row a document, with its account's
-- number and holder. The CRC-32 is null for a document from before it was kept.
create view reporting.statement_files as
select
    documents.close_id,
    documents.account_id,
    documents.currency,
    statements.account_number,
    statements.holder_name,
    documents.sha256,
    documents.byte_count,
    documents.object_name,
    documents.crc32,
    coalesce(
        (
            select
                jsonb_object_agg(
                    twins.media_type,
                    jsonb_build_object(
                        'sha256', twins.sha256,
                        'byte_count', twins.byte_count,
                        'object_name', twins.object_name,
                        'crc32', twins.crc32
                    )
                )
            from reporting.statement_twins as twins
            where
                twins.close_id = documents.close_id
                and twins.account_id = documents.account_id
                and twins.currency = documents.currency
        ),
        '{}'::jsonb
    ) as twins
from reporting.statement_documents as documents
inner join reporting.statements
    on
        documents.close_id = statements.close_id
        and documents.account_id = statements.account_id
        and documents.currency = statements.currency;

grant select on reporting.zip_plans, reporting.statement_files to closebook_store, closebook_desk;
grant insert on reporting.zip_plans to closebook_store;

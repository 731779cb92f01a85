-- Writes the document of a statement. A document that exists already is kept.
insert into reporting.statement_documents (
    close_id,
    account_id,
    currency,
    sha256,
    byte_count,
    crc32,
    object_name,
    template_version,
    renderer_version,
    renderer_sha256,
    conformance,
    replaced_count,
    unsigned_sha256,
    certificate_sha256,
    run_id,
    requested_by
)
values (
    %(close_id)s,
    %(account_id)s,
    %(currency)s,
    %(sha256)s,
    %(byte_count)s,
    %(crc32)s,
    %(object_name)s,
    %(template_version)s,
    %(renderer_version)s,
    %(renderer_sha256)s,
    %(conformance)s,
    %(replaced_count)s,
    %(unsigned_sha256)s,
    %(certificate_sha256)s,
    %(run_id)s,
    %(requested_by)s
)
on conflict (close_id, account_id, currency) do nothing

-- A statement was rendered. A document that is there already stays: statements do not change.
insert into reporting.statement_documents (
    close_id,
    account_id,
    sha256,
    byte_count,
    object_name,
    template_version,
    renderer_version,
    renderer_sha256,
    conformance,
    replaced_count,
    run_id
)
values (
    %(close_id)s,
    %(account_id)s,
    %(sha256)s,
    %(byte_count)s,
    %(object_name)s,
    %(template_version)s,
    %(renderer_version)s,
    %(renderer_sha256)s,
    %(conformance)s,
    %(replaced_count)s,
    %(run_id)s
)
on conflict (close_id, account_id) do nothing

-- The names of all documents that the register has, each once, in the order of their bytes: of
-- statements, their attachments, manifests and their parts, and of lines that left the store.
select object_name collate ucs_basic as object_name
from reporting.statement_documents

union

select object_name collate ucs_basic as object_name
from reporting.statement_twins

union

select object_name collate ucs_basic as object_name
from reporting.statement_manifests

union

select object_name collate ucs_basic as object_name
from reporting.manifest_parts

union

select object_name collate ucs_basic as object_name
from reporting.line_archives

order by object_name asc

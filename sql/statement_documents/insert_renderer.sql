-- Writes the set of programs, fonts and templates that renders documents, if it is a new one.
insert into reporting.renderers (
    renderer_sha256,
    template_version,
    template_sha256,
    renderer_version,
    typefaces
)
values (
    %(renderer_sha256)s,
    %(template_version)s,
    %(template_sha256)s,
    %(renderer_version)s,
    %(typefaces)s
)
on conflict (renderer_sha256) do nothing

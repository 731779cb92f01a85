-- The release that a close of a month follows, and how many statements differ from it: one row, or
-- none if no earlier close of the month was released.
with release as (
    select
        close_id,
        close_version,
        decided_by,
        decided_at
    from reporting.release_before(%(close_id)s::bigint)
),

corrected as (
    select
        old_close_id,
        new_close_id
    from reporting.corrected_statements(%(close_id)s::bigint)
)

select
    release.close_id,
    release.close_version,
    release.decided_by,
    release.decided_at,
    count(coalesce(corrected.new_close_id, corrected.old_close_id)) as statement_count,
    count(*) filter (where corrected.old_close_id is null and corrected.new_close_id is not null)
        as new_count,
    count(*) filter (where corrected.new_close_id is null and corrected.old_close_id is not null)
        as gone_count
from release
left join corrected on true
group by release.close_id, release.close_version, release.decided_by, release.decided_at

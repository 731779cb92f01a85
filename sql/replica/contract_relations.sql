-- The relation that the name of each view of the source contract leads to now, whatever the
-- snapshot is: one row a view, null for one that is missing. A view that was replaced has another
-- relation_id.
select
    view_name,
    to_regclass('reporting_source.' || quote_ident(view_name))::oid::bigint as relation_id
from unnest(%(views)s::text[]) as view_name

-- Writes which version of its statement each account has in a month's close: one row an account.
-- A statement that equals the one of the close before keeps its version and document; one that
-- differs or is new is issued by this close. statements/changes.sql and statement_lines/changes.sql
-- define a difference. Closes are selected by an array, so that an index is used; a join to closes
-- would be a nested loop (session/expect_many_rows.sql).
insert into reporting.statement_versions (
    close_id, account_id, statement_version, issued_close_id, superseded_close_id
)
with this_close as (
    select
        close_id,
        grain,
        period_start,
        close_version
    from reporting.closes
    where close_id = %(close_id)s
),

earlier_closes as (
    select
        closes.close_id,
        closes.close_version,
        closes.close_version = this_close.close_version - 1 as is_last
    from reporting.closes
    inner join this_close
        on closes.grain = this_close.grain and closes.period_start = this_close.period_start
    where closes.close_version < this_close.close_version
),

compared_closes as (
    select close_id
    from this_close

    union all

    select close_id
    from earlier_closes
    where is_last
),

-- The same in both closes is one group of two.
same_heads as (
    select statements.account_id
    from reporting.statements
    where statements.close_id = any(array(select compared_closes.close_id from compared_closes))
    group by
        statements.account_id,
        statements.currency,
        statements.opening_minor,
        statements.closing_minor,
        statements.line_count,
        statements.account_number,
        statements.holder_name
    having count(*) = 2  -- guard: issue.same-statement-keeps-its-version
),

lines_that_differ as (
    select statement_lines.account_id
    from reporting.statement_lines
    where
        statement_lines.close_id = any(array(select compared_closes.close_id from compared_closes))
    group by
        statement_lines.account_id,
        statement_lines.line_number,
        statement_lines.entry_id,
        statement_lines.transaction_id,
        statement_lines.posted_at,
        statement_lines.kind,
        statement_lines.description,
        statement_lines.counterparty,
        statement_lines.amount_minor,
        statement_lines.balance_minor
    having count(*) = 1  -- guard: issue.different-line-is-issued-again
),

kept as (
    select account_id
    from same_heads

    except

    select account_id
    from lines_that_differ
),

last_versions as (
    select distinct on (versions.account_id)
        versions.account_id,
        versions.statement_version,
        versions.issued_close_id,
        versions.superseded_close_id
    from reporting.statement_versions as versions
    inner join earlier_closes on versions.close_id = earlier_closes.close_id
    where versions.close_id = any(array(select earlier.close_id from earlier_closes as earlier))
    order by versions.account_id asc, earlier_closes.close_version desc
)

select
    statements.close_id,
    statements.account_id,
    case
        when kept.account_id is null then coalesce(last_versions.statement_version, 0) + 1
        else last_versions.statement_version
    end as statement_version,
    case
        when kept.account_id is null then statements.close_id
        else last_versions.issued_close_id
    end as issued_close_id,
    case
        when kept.account_id is null then last_versions.issued_close_id
        else last_versions.superseded_close_id
    end as superseded_close_id
from reporting.statements
left join last_versions on statements.account_id = last_versions.account_id
left join kept on statements.account_id = kept.account_id
where statements.close_id = %(close_id)s

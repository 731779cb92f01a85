-- Writes which version of its statement each account has in a month's close: one row an account and
-- currency. A statement that equals that of the close before keeps its version and its document.
-- One that differs or is new is issued by this close. reporting.statement_differences,
-- reporting.statement_line_differences and reporting.statement_line_detail_differences say what
-- differs. Closes are passed as arrays, for which an
-- index is used. For a join of closes it could be used only row by row, in a nested loop, which
-- sql/session/expect_many_rows.sql disables.
insert into reporting.statement_versions (
    close_id, account_id, currency, statement_version, issued_close_id, superseded_close_id
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

heads_that_differ as (
    select
        differences.account_id,
        differences.currency
    from earlier_closes
    cross join
        lateral reporting.statement_differences(earlier_closes.close_id, %(close_id)s::bigint)
            as differences
    where earlier_closes.is_last
),

lines_that_differ as (
    select
        differences.old_account_id,
        differences.new_account_id,
        differences.old_currency,
        differences.new_currency
    from earlier_closes
    cross join
        lateral reporting.statement_line_differences(earlier_closes.close_id, %(close_id)s::bigint)
            as differences
    where earlier_closes.is_last  -- guard: issue.different-line-is-issued-again
),

details_that_differ as (
    select
        differences.account_id,
        differences.currency
    from earlier_closes
    cross join
        lateral reporting.statement_line_detail_differences(
            earlier_closes.close_id, %(close_id)s::bigint
        ) as differences
    where earlier_closes.is_last  -- guard: issue.different-detail-is-issued-again
),

kept as (
    select
        statements.account_id,
        statements.currency
    from reporting.statements
    where
        statements.close_id
        = any(
            array(
                select earlier.close_id
                from earlier_closes as earlier
                where earlier.is_last  -- guard: issue.same-statement-keeps-its-version
            )
        )

    except

    select
        account_id,
        currency
    from heads_that_differ

    except

    select
        account_id,
        currency
    from details_that_differ

    except

    select
        old_account_id,
        old_currency
    from lines_that_differ

    except

    select
        new_account_id,
        new_currency
    from lines_that_differ
),

last_versions as (
    select distinct on (versions.account_id, versions.currency)
        versions.account_id,
        versions.currency,
        versions.statement_version,
        versions.issued_close_id,
        versions.superseded_close_id
    from reporting.statement_versions as versions
    inner join earlier_closes on versions.close_id = earlier_closes.close_id
    where versions.close_id = any(array(select earlier.close_id from earlier_closes as earlier))
    order by versions.account_id asc, versions.currency asc, earlier_closes.close_version desc
)

select
    statements.close_id,
    statements.account_id,
    statements.currency,
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
left join last_versions
    on
        statements.account_id = last_versions.account_id
        and statements.currency = last_versions.currency
left join kept
    on statements.account_id = kept.account_id and statements.currency = kept.currency
where statements.close_id = %(close_id)s

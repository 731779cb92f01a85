-- What the holders of a close's corrected statements read: one row a text, locale and close that
-- issued them, with how many statements have it, and the first of them. What was released with an
-- earlier close is left out.
with corrected as (
    select
        versions.issued_close_id as close_id,
        versions.account_id,
        versions.currency,
        issued.holder_reason,
        issued.holder_text
    from reporting.statement_versions as versions
    inner join reporting.closes as issued on versions.issued_close_id = issued.close_id
    where
        versions.close_id = %(close_id)s
        and versions.superseded_close_id is not null
        and not exists (
            select 1
            from reporting.statement_manifests as manifests
            inner join reporting.statement_decisions as decisions
                on manifests.manifest_id = decisions.manifest_id
            where
                manifests.close_id = versions.issued_close_id
                and decisions.decision = 'released'
                and versions.issued_close_id <> versions.close_id
        )
)

select
    corrected.holder_reason,
    corrected.holder_text,
    statements.locale_code,
    corrected.close_id,
    count(*) as statement_count,
    (array_agg(corrected.account_id order by corrected.account_id, corrected.currency))[1]
        as account_id,
    (array_agg(corrected.currency order by corrected.account_id, corrected.currency))[1]
        as currency
from corrected
inner join reporting.statement_locales as statements
    on
        corrected.close_id = statements.close_id
        and corrected.account_id = statements.account_id
        and corrected.currency = statements.currency
group by
    corrected.holder_reason,
    corrected.holder_text,
    statements.locale_code,
    corrected.close_id
order by statement_count desc, statements.locale_code asc, corrected.close_id asc

-- What a person typed, in the form that searches compare: one row.
select
    replace(reporting.folded(%(account)s::text), ' ', '') as account, -- noqa: RF04
    reporting.without_umlauts(reporting.folded(%(holder)s::text)) as holder

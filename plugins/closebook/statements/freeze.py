"""The month: every statement's balances and lines, read once from a replica into the store."""

from closebook import closes
from closebook.closes import Close, Content, Reading
from closebook.periods import Grain, Period
from closebook.queries import query
from closebook.settings import Run, Settings

STAGED = ("statement_balances", "statement_accounts", "statement_lines")


def close_month(settings: Settings, month: Period, run: Run) -> Close:
    """Freeze the month's statement lines and balances for every account with activity or a balance.

    Balances are added up from the first entry on, in the same snapshot as the lines. Raises
    NotReady, Transient, or WrongData with the accounts that do not tie out.
    """

    def work(reading: Reading) -> Close:
        source = reading.source
        with closes.writing(settings, month, run) as store:
            for name in STAGED:
                store.execute(query(f"reporting/stage_{name}"))
                source.copy_into(store, name, f"staged_{name}", month.bounds)

            def insert(close_id: int) -> None:
                store.execute(query("reporting/insert_statements"), {"close_id": close_id})
                store.execute(query("reporting/insert_statement_lines"), {"close_id": close_id})

            content = Content(
                insert=insert,
                totals=closes.ledger_totals(source, month),
                changes=["statements", "statement_lines"],
                requirements=["entries_have_account"],
                tie_outs=[
                    "lines_reach_closing",
                    "running_balances_follow",
                    "lines_equal_source",
                    "opening_equals_previous_closing",
                    "days_equal_statements",
                ],
            )
            return closes.write(store, reading, month, run, content)

    return closes.close(settings, month, [Grain.MONTH], work)

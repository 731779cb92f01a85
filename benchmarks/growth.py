"""What a larger table costs: an hour and a day on two stacks, of which one has ten times the rows.

Both run at once and their queries take turns, so that whatever else the machine does is the same
for both.
"""

from collections.abc import Callable

from benchmarks.legacy.old_report import statement
from benchmarks.platform import Stage
from benchmarks.timing import Results, alternate
from benchmarks.volume import Connections, Ways, connected, day_ways, hour_ways
from closebook.periods import Period

Place = tuple[Connections, Period]


def measure(stage: Stage, larger: Stage, results: Results) -> None:
    """Measure the periods of both stacks in turns."""
    with connected(stage.stack) as here, connected(larger.stack) as there:
        hours = (here, stage.hour), (there, larger.hour)
        busy_hours = (here, stage.busiest_hour), (there, larger.busiest_hour)
        days = (here, stage.day), (there, larger.day)
        _compare("Growth of an hour", hour_ways, *hours, results, 31)
        _compare("Growth of a busy hour", hour_ways, *busy_hours, results, 31)
        _compare("Growth of a day", day_ways, *days, results, 15)


def _compare(
    title: str,
    ways: Callable[[Connections, Period], Ways],
    place: Place,
    larger: Place,
    results: Results,
    rounds: int,
) -> None:
    few, many = ways(*place), ways(*larger)
    contestants: Ways = {}
    for way in few:
        contestants |= {way: few[way], _larger(way): many[way]}
    timed = alternate(contestants, results.rounds(rounds), warmed=tuple(contestants))
    times = {way: timed[_larger(way)].median_seconds / timed[way].median_seconds for way in few}
    counts = _transactions(*place), _transactions(*larger)
    rows_more = counts[1] / counts[0]
    results.report(
        title,
        timed,
        "bare scan",
        periods=[place[1].label, larger[1].label],
        transactions_of_the_periods=counts,
        times_on_the_larger={way: round(ratio, 2) for way, ratio in times.items()},
        a_transaction={way: round(ratio / rows_more, 2) for way, ratio in times.items()},
    )


def _transactions(connections: Connections, period: Period) -> int:
    [(count, _)] = connections.replica.execute(statement("bare_scan"), period.bounds).fetchall()
    return int(count)


def _larger(way: str) -> str:
    return f"{way}, larger"

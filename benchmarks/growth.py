"""What a larger table costs: the hour and the day of two stacks, the second of ten times the rows.

Both run at once and their queries take turns, so that whatever else the machine does is the same
for both.
"""

from benchmarks.platform import Stage
from benchmarks.timing import Results, alternate
from benchmarks.volume import Ways, connected, day_ways, hour_ways


def measure(stage: Stage, larger: Stage, results: Results) -> None:
    """Let the periods of either stack that are measured take turns."""
    with connected(stage.stack) as here, connected(larger.stack) as there:
        hours = hour_ways(here, stage.hour), hour_ways(there, larger.hour)
        busiest = hour_ways(here, stage.busiest_hour), hour_ways(there, larger.busiest_hour)
        days = day_ways(here, stage.day), day_ways(there, larger.day)
        _compare("Growth of an hour", *hours, results, 31)
        _compare("Growth of a busy hour", *busiest, results, 31)
        _compare("Growth of a day", *days, results, 15)


def _compare(title: str, few: Ways, many: Ways, results: Results, rounds: int) -> None:
    contestants: Ways = {}
    for way in few:
        contestants |= {way: few[way], _larger(way): many[way]}
    timed = alternate(contestants, results.rounds(rounds), warmed=tuple(contestants))
    results.report(
        title,
        timed,
        "bare scan",
        times_on_the_larger={
            way: round(timed[_larger(way)].median_seconds / timed[way].median_seconds, 2)
            for way in few
        },
    )


def _larger(way: str) -> str:
    return f"{way}, larger"

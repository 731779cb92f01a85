"""A marker is found in the code, and a guard whose place has changed no longer applies."""

from pathlib import Path

import pytest

from tests.mutants.guard import Guard
from tests.mutants.markers import MIGRATIONS, Markers, NoLongerApplies
from tests.mutants.operators import Condition, Operator, Removed, Token, Unwrapped, Value

MODULE = "plugins/closebook/module.py"
QUERY = "sql/hourly_volume/read.sql"
NAME = "group.rule"
FIRST = """
create function reporting.obstacles(person text)
returns table (obstacle text)
language sql
begin atomic
    select 'nobody; no person' as obstacle
    where person = '';  -- guard: group.rule
end;

grant execute on function reporting.obstacles(text) to closebook_desk;
"""
AGAIN = """
create or replace function reporting.obstacles(person text)
returns table (obstacle text)
language sql
begin atomic
    select 'nobody' as obstacle
    where trim(person) = '';
end;
"""


def put(tree: Path, file: str, text: str) -> None:
    (tree / file).parent.mkdir(parents=True, exist_ok=True)
    (tree / file).write_text(text, encoding="utf-8")


def without(tree: Path, operator: Operator) -> str:
    return Guard(NAME, operator, ()).taken_out(Markers(tree)).text


@pytest.mark.parametrize(
    ("operator", "before", "after"),
    [
        (
            Condition(value=False),
            "if x == 1:  # guard: group.rule\n    raise ValueError\n",
            "if False:  # guard: group.rule\n    raise ValueError\n",
        ),
        (
            Condition(value=True),
            "# guard: group.rule\nif (\n    x\n):\n    y()\n",
            "# guard: group.rule\nif (\n    True\n):\n    y()\n",
        ),
        (
            Condition(value=True),
            "while x:  # guard: group.rule\n    y()\n",
            "while True:  # guard: group.rule\n    y()\n",
        ),
        (
            Condition(value=False),
            "x = 'é' if y else z  # guard: group.rule\n",
            "x = 'é' if False else z  # guard: group.rule\n",
        ),
        (
            Condition(value=True),
            "x = [y for y in z if y > 1]  # guard: group.rule\n",
            "x = [y for y in z if True]  # guard: group.rule\n",
        ),
        (
            Removed(),
            "def f():\n    x()\n    refuse(\n        y,  # guard: group.rule\n    )\n",
            "def f():\n    x()\n    pass\n",
        ),
        (Value("None"), "x = y()  # guard: group.rule\n", "x = None  # guard: group.rule\n"),
        (
            Unwrapped(),
            "with (\n    x() as y,  # guard: group.rule\n):\n    z()\n",
            "if True:\n    z()\n",
        ),
        (
            Token("y", "z"),
            "x = yes(y)  # guard: group.rule, group.other\n",
            "x = yes(z)  # guard: group.rule, group.other\n",
        ),
    ],
)
def test_an_operator_changes_the_marked_place_of_python(
    tmp_path: Path, operator: Operator, before: str, after: str
) -> None:
    put(tmp_path, MODULE, before)

    assert without(tmp_path, operator) == after


@pytest.mark.parametrize(
    ("operator", "before", "after"),
    [
        (Condition(value=True), "where x = 1", "where true"),
        (Condition(value=False), "    and x = 1,", "    and false,"),
        (Condition(value=True), "    and f(x, y) >= 0 as is_known,", "    and true as is_known,"),
        (Condition(value=False), "inner join x on x.a = y.a", "inner join x on false"),
        (Condition(value=False), "    if found then", "    if false then"),
        (Condition(value=False), "    x = ''", "    false"),
        (Token("<", "<="), "where x < 1 and x >= 0", "where x <= 1 and x >= 0"),
    ],
)
def test_an_operator_changes_the_marked_line_of_sql(
    tmp_path: Path, operator: Operator, before: str, after: str
) -> None:
    put(tmp_path, QUERY, f"select 1\n{before}  -- guard: group.rule\n")

    assert without(tmp_path, operator) == f"select 1\n{after}  -- guard: group.rule\n"


def test_a_removed_line_of_sql_is_the_line_below_a_marker_that_stands_alone(tmp_path: Path) -> None:
    put(tmp_path, QUERY, "select 1\n-- guard: group.rule\nwhere x = 1\n")

    assert without(tmp_path, Removed()) == "select 1\n-- guard: group.rule\n"


@pytest.mark.parametrize(
    ("operator", "text", "reason"),
    [
        (Condition(value=False), "if x:\n    y()\n", "no file has the comment"),
        (
            Condition(value=False),
            "if x:  # guard: group.rule\n    y()\nif x:  # guard: group.rule\n    y()\n",
            "marked 2 times",
        ),
        (Token("y", "z"), "x = a  # guard: group.rule\n", "'y' is there 0 times"),
        (Token("a", "b"), "x = a + a  # guard: group.rule\n", "'a' is there 2 times"),
        (Token("<", "<="), "x = a <= b  # guard: group.rule\n", "'<' is there 0 times"),
        (Token("a", "a"), "x = a  # guard: group.rule\n", "is the same without it"),
        (Condition(value=False), "if False:  # guard: group.rule\n    y()\n", "is the same"),
        (Condition(value=False), "x()  # guard: group.rule\n", "0 of a condition"),
        (Token("a", "b("), "x = a  # guard: group.rule\n", "is no Python without it"),
        (Unwrapped(), "x()  # guard: group.rule\n", "0 of a with"),
        (Value("1"), "x()  # guard: group.rule\n", "0 of a returned or assigned value"),
        (Token("a" * 41, "b"), f"{'a' * 41}  # guard: group.rule\n", "is a copy of the line"),
        (Removed(), "x()\n# guard: group.rule\n", "no line below this marker"),
        (Removed(), "x()  # guard: Group: Rule\n", "no names of guards in"),
        (Removed(), "x = '# guard: group.rule'\n", "no file has the comment"),
    ],
)
def test_a_guard_whose_place_has_changed_no_longer_applies(
    tmp_path: Path, operator: Operator, text: str, reason: str
) -> None:
    put(tmp_path, MODULE, text)

    with pytest.raises(NoLongerApplies, match=reason):
        without(tmp_path, operator)


def test_a_marker_in_two_files_no_longer_applies(tmp_path: Path) -> None:
    put(tmp_path, MODULE, "x()  # guard: group.rule\n")
    put(tmp_path, "dags/close.py", "x()  # guard: group.rule\n")

    with pytest.raises(NoLongerApplies, match="marked 2 times"):
        without(tmp_path, Removed())


def test_a_condition_of_sql_that_goes_on_in_the_next_line_no_longer_applies(tmp_path: Path) -> None:
    put(tmp_path, QUERY, "where exists (  -- guard: group.rule\n    select 1\n)\n")

    with pytest.raises(NoLongerApplies, match="no whole condition"):
        without(tmp_path, Condition(value=False))


def test_a_guard_in_a_function_of_one_migration_is_taken_out_there(tmp_path: Path) -> None:
    put(tmp_path, f"{MIGRATIONS}/0001_first.sql", FIRST)
    put(tmp_path, f"{MIGRATIONS}/0002_other.sql", AGAIN.replace("obstacles(", "others("))

    mutant = Guard(NAME, Condition(value=False), ()).taken_out(Markers(tmp_path))

    assert mutant.file == f"{MIGRATIONS}/0001_first.sql"
    assert "where false;" in mutant.text


@pytest.mark.parametrize(
    "later",
    [
        AGAIN,
        AGAIN.replace("reporting.obstacles", 'REPORTING."obstacles"').upper(),
        "drop function if exists reporting.obstacles(text), reporting.others;\n",
        AGAIN.replace("or replace ", "").replace("create", "drop function reporting.x;\ncreate"),
    ],
)
def test_a_later_migration_that_redefines_a_function_without_the_marker_no_longer_applies(
    tmp_path: Path, later: str
) -> None:
    put(tmp_path, f"{MIGRATIONS}/0001_first.sql", FIRST)
    put(tmp_path, f"{MIGRATIONS}/0002_later.sql", later)

    with pytest.raises(NoLongerApplies, match=r"0002_later\.sql d\w+ function obstacles again"):
        without(tmp_path, Condition(value=False))


def test_a_guard_in_a_function_that_is_redefined_with_it_is_taken_out_of_the_last_one(
    tmp_path: Path,
) -> None:
    marked = AGAIN.replace("= '';", "= '';  -- guard: group.rule")
    put(tmp_path, f"{MIGRATIONS}/0001_first.sql", FIRST)
    put(tmp_path, f"{MIGRATIONS}/0002_dropped.sql", "drop function reporting.obstacles(text);\n")
    put(tmp_path, f"{MIGRATIONS}/0003_again.sql", marked)

    mutant = Guard(NAME, Condition(value=False), ()).taken_out(Markers(tmp_path))

    assert mutant.file == f"{MIGRATIONS}/0003_again.sql"
    assert mutant.text == marked.replace("trim(person) = ''", "false")


def test_a_marker_in_two_functions_or_twice_in_one_no_longer_applies(tmp_path: Path) -> None:
    marked = AGAIN.replace("= '';", "= '';  -- guard: group.rule")
    put(tmp_path, f"{MIGRATIONS}/0001_first.sql", FIRST)
    put(tmp_path, f"{MIGRATIONS}/0002_other.sql", marked.replace("obstacles(", "others("))
    with pytest.raises(NoLongerApplies, match="marked in two definitions"):
        without(tmp_path, Condition(value=False))

    put(tmp_path, f"{MIGRATIONS}/0002_other.sql", marked.replace("as obstacle", "/* */", 1))
    put(
        tmp_path,
        f"{MIGRATIONS}/0001_first.sql",
        FIRST.replace("sql\n", "sql  -- guard: group.rule\n"),
    )
    with pytest.raises(NoLongerApplies, match="marked 3 times"):
        without(tmp_path, Condition(value=False))

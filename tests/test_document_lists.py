"""README.md and docs/ list what there is: DAGs, settings, pools, checks, errors, parameters."""

import ast
import json
import re
from pathlib import Path

import psycopg
import pytest

from closebook.errors import ClosebookError
from closebook.statements.release import OBSTACLES
from deploy.airflow_defaults import POOLS
from local import REPOSITORY
from local.stack import Stack
from tests.markdown import (
    ADOPT,
    DOCS,
    DOCUMENTS,
    OPERATIONS,
    README,
    SETTINGS,
    blocks,
    commands,
    dag_ids,
    first_column,
    section,
    text,
)

# docs/errors.md has it where an error names something.
PLACEHOLDER = "…"


def sources() -> list[ast.Module]:
    paths = sorted((REPOSITORY / "plugins").rglob("*.py"))
    return [ast.parse(text(path)) for path in paths]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_has_400_lines_at_most(document: Path) -> None:
    assert len(text(document).splitlines()) <= 400


def test_the_readme_tells_of_each_dag() -> None:
    assert set(first_column(section(README, "What it does"))) == dag_ids()


def test_the_first_steps_explain_each_variable_that_their_commands_use() -> None:
    used = set(re.findall(r'"\$([A-Z_]+)"', "".join(commands(text(ADOPT)))))
    explained = text(ADOPT).partition("## 1.")[0]
    assert set(first_column(explained)) == used


def test_the_settings_are_those_that_the_source_reads() -> None:
    read = {
        node.value
        for module in sources()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"CLOSEBOOK_[A-Z_]+", node.value)
    }
    assert len(read) > 4
    assert set(first_column(section(SETTINGS, "Variables"))) == read


def test_the_pools_are_those_that_the_stack_makes() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", section(SETTINGS, "Pools"), re.MULTILINE)
    assert {pool: int(slots) for pool, slots in rows} == POOLS


def test_the_checks_are_those_of_the_folder() -> None:
    files = {
        path.stem.removeprefix("check_") for path in (REPOSITORY / "sql").glob("*/check_*.sql")
    }
    assert set(first_column(section(OPERATIONS, "The checks"))) == files


def test_the_classes_of_errors_are_those_of_the_source() -> None:
    prefixes = {kind.code_prefix for kind in ClosebookError.__subclasses__()}
    assert set(first_column(section(OPERATIONS, "Errors"))) == prefixes


def test_the_alerts_are_those_of_prometheus() -> None:
    rules = text(REPOSITORY / "deploy" / "prometheus-rules.yml")
    severity = re.findall(r"alert: (\w+)$.*?severity: (\w+)", rules, re.MULTILINE | re.DOTALL)
    table = section(OPERATIONS, "The alerts of Prometheus")
    assert len(severity) == rules.count("- alert:")
    assert dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", table, re.MULTILINE)) == dict(severity)


def test_what_is_said_of_a_replica_is_what_the_source_says() -> None:
    said = [text_of(node) for module in sources() for node in ast.walk(module)]
    documented = first_column(section(OPERATIONS, "Which replica is read"))
    assert len(documented) == 3
    assert [t for t in documented if not any(t in template for template in said)] == []


def text_of(node: ast.AST) -> str:
    """A string of the source, with … for what is put in at run time."""
    if isinstance(node, ast.JoinedStr):
        parts = (value.value if isinstance(value, ast.Constant) else "…" for value in node.values)
        return "".join(map(str, parts))
    return str(node.value) if isinstance(node, ast.Constant) else ""


def test_the_obstacles_of_a_release_are_those_of_the_store_and_of_the_desk() -> None:
    schema = text(REPOSITORY / "sql" / "reporting" / "schema.sql")
    in_store = {
        obstacle
        for name in ("decision_obstacles", "exception_obstacles")
        for obstacle in re.findall(
            r"'(\w+)' as obstacle",
            schema.split(f"create function reporting.{name}(")[1].split("\nend;")[0],
        )
    }
    # The table refuses such a row by a constraint; the desk says it before.
    assert "statement_decisions_exceptions_have_a_reason" in schema
    in_store.add("reason_needed")
    table = section(DOCS / "statements.md", "Release a month")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, re.MULTILINE)
    assert in_store == set(OBSTACLES)
    assert dict(rows) == OBSTACLES


# A month that a command started cannot be released, so its documents show what the form takes.
IN_THE_FORM = {"monthly_statements": "month", "acknowledge_failover": "timeline"}


def test_the_parameters_of_triggered_runs_are_accepted_by_their_dags() -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.definitions.param import ParamsDict

    dags = DagBag(REPOSITORY / "dags").dags
    typed = [command for document in DOCUMENTS for command in commands(text(document))]
    triggers = [command for command in typed if command.startswith("airflow dags trigger ")]
    runs = [
        (dag_id, json.loads(conf))
        for document in DOCUMENTS
        for dag_id, field in IN_THE_FORM.items()
        for conf in re.findall(rf'{{"{field}": [^}}]*}}', text(document))
        if PLACEHOLDER not in conf
    ]
    for command in triggers:
        found = re.fullmatch(r"airflow dags trigger (\w+) --conf '(.+)'", command)
        assert found, command
        assert found[1] not in IN_THE_FORM, command
        runs.append((found[1], json.loads(found[2])))
    for dag_id, conf in runs:
        params = dags[dag_id].params
        assert set(conf) <= set(params)
        ParamsDict({**params.dump(), **conf}).validate()
        for name, value in conf.items():
            params.get_param(name).resolve(value=value)
    assert {dag_id for dag_id, _ in runs} == set(dags)


# Those of docs/recipes.md are for a platform: tests/adoption/test_recipes.py runs them.
QUERIES = [
    (document, query)
    for document in DOCUMENTS
    for query in blocks(text(document), "sql")
    if document.name != "recipes.md"
]


def test_the_documents_have_queries() -> None:
    assert len(QUERIES) > 5


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_the_queries_of_the_documents_run_as_the_role_that_their_page_names(
    stack: Stack, module_store_database: str, number: int
) -> None:
    document, query = QUERIES[number]
    roles = {
        "closebook_desk": stack.desk,
        "closebook_store": stack.store,
        "closebook_owner": stack.store_owner,
    }
    # The page names the role before the query
    before = text(document).split(query)[0]
    named = re.findall(r"`(closebook_(?:desk|store|owner))`", before)
    with psycopg.connect(roles[named[-1]](module_store_database)) as store:
        assert store.execute(query.encode()).fetchall() == []


def test_each_decision_has_a_date_what_was_decided_against_what_and_why() -> None:
    records = [
        record
        for path in sorted((DOCS / "decisions").glob("*.md"))
        for record in re.split(r"^### ", text(path), flags=re.MULTILINE)[1:]
    ]
    assert len(records) > 80
    for record in records:
        assert re.match(r"\d{4}-\d\d-\d\d: \S", record), record
        parts = re.findall(r"^- \*\*([\w ]+):\*\* \S", record, re.MULTILINE)
        assert parts[:3] == ["Decided", "Instead of", "Why"], record
        assert parts[3:] in ([], ["Given up"]), record

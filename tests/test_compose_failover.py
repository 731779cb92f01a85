"""docker-compose.yml after the changes of docs/failover.md: nothing starts the old primary."""

import re

import yaml

from local import REPOSITORY
from tests.compose_file import TEXT, new_secrets, rendered_text

RUNBOOK = (REPOSITORY / "docs" / "failover.md").read_text("utf-8")
STEPS = RUNBOOK.partition("## With docker-compose.yml")[2].partition("## Which periods")[0]
ROW = re.compile(r"^ +\| (?P<place>`.*?) \| ?(?P<before>.*?) ?\| (?P<after>.*) \|$", re.MULTILINE)
CODE = re.compile(r"`([^`]*)`")


def after_the_runbook() -> str:
    """The file with each change of the runbook's table."""
    text = TEXT
    for row in ROW.finditer(STEPS):
        place, after = CODE.findall(row["place"])[-1], CODE.findall(row["after"])
        if row["before"].strip():
            [before] = CODE.findall(row["before"])
            assert text.count(before) == 1, before
            text = text.replace(before, after[0] if after else "")
        else:
            head = f"\n  {place.removeprefix('services: ')}:\n"
            assert head in text.partition("\nvolumes:")[0], head
            text = text.replace(head, f"{head}    {after[0]}\n", 1)
    return text


def test_after_the_changes_of_the_runbook_all_leads_to_the_new_primary() -> None:
    found = rendered_text(after_the_runbook(), new_secrets())["services"]
    worker = found["closes-worker"]

    # A service of a profile that is not asked for is neither started nor rendered.
    assert "primary" not in found
    assert [name for name in found if "primary" in found[name].get("depends_on", {})] == []
    assert found["replica-a"]["environment"]["UPSTREAM"] == "replica-b"
    assert "@replica-b:5432/" in worker["environment"]["AIRFLOW_CONN_CLOSEBOOK_PRIMARY"]
    assert set(worker["networks"]) & set(found["replica-b"]["networks"]) == {"fence"}
    assert set(found["replica-a"]["networks"]) & set(found["replica-b"]["networks"]) >= {
        "replication"
    }
    for name, service in found.items():
        replicas = service.get("environment", {}).get("CLOSEBOOK_REPLICAS", "closebook_replica_a")
        assert replicas == "closebook_replica_a", name


def test_the_runbook_makes_the_slot_that_the_other_replica_asks_for() -> None:
    slot = yaml.safe_load(TEXT)["services"]["replica-a"]["environment"]["REPLICATION_SLOT"]

    assert f"pg_create_physical_replication_slot('{slot}', true)" in STEPS

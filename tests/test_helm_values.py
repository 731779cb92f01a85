"""deploy/helm/values.yaml by its structure: Airflow's chart is in no registry that is reached here.

The names of the chart's values are those of its documentation, which the head of the file names.
"""

import re
import tomllib
from typing import Any

import pytest
import yaml

from closebook.desk.auth_manager import ClosebookFabAuthManager
from closebook.orchestration import celery_settings
from closebook.settings import airflow_connections
from deploy.airflow_defaults import CLUSTER_SETTINGS
from local import REPOSITORY
from tests.compose_file import environment, service_of
from tests.markdown import DOCS, section, text

FILE = REPOSITORY / "deploy" / "helm" / "values.yaml"
VALUES: dict[str, Any] = yaml.safe_load(text(FILE))
ENV: dict[str, str] = {each["name"]: each["value"] for each in VALUES["env"]}
SETS: dict[str, dict[str, Any]] = {
    each["name"]: each for each in VALUES["workers"]["celery"]["sets"]
}
# The values of the chart that we set; a misspelt one would be ignored or refused.
OF_THE_CHART = {
    *(
        "executor",
        "airflowVersion",
        "airflowHome",
        "images",
        "data",
        "env",
        "volumes",
        "volumeMounts",
        "logs",
    ),
    *("fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName", "migrateDatabaseJob"),
    *("postgresql", "redis", "pgbouncer", "statsd", "createUserJob", "scheduler", "dagProcessor"),
    *("triggerer", "apiServer", "workers"),
}
OF_A_SET = {"name", "queue", "replicas", "args", "extraEnvFrom", "resources"}


def secrets_in(part: Any) -> set[str]:
    """The names of all Secrets that a part of the file refers to."""
    if isinstance(part, dict):
        named = {value for key, value in part.items() if key.endswith("ecretName")}
        named |= {part["secretRef"]["name"]} if "secretRef" in part else set()
        return named.union(*(secrets_in(value) for value in part.values()))
    return set().union(*map(secrets_in, part)) if isinstance(part, list) else set()


def test_the_values_are_those_of_the_chart() -> None:
    assert set(VALUES) == OF_THE_CHART
    assert all(set(each) == OF_A_SET for each in SETS.values())


def test_airflow_has_the_settings_of_several_machines() -> None:
    assert VALUES["executor"] == "CeleryExecutor"
    assert dict(CLUSTER_SETTINGS).items() <= ENV.items()
    manager = f"{ClosebookFabAuthManager.__module__}.{ClosebookFabAuthManager.__name__}"
    assert ENV["AIRFLOW__CORE__AUTH_MANAGER"] == manager


def test_each_queue_has_workers_of_its_own_and_no_other_queue_has_any() -> None:
    assert VALUES["workers"]["celery"]["enableDefault"] is False
    assert {each["queue"] for each in SETS.values()} == set(celery_settings.QUEUES)
    for each in SETS.values():
        assert f"airflow celery worker --queues {each['queue']} " in each["args"][-1]


def test_only_the_workers_of_closes_reach_the_platform() -> None:
    assert secrets_in(SETS["closes"]) == {
        *("closebook-platform", "closebook-store", "closebook-counter"),
    }
    assert secrets_in(SETS["documents"]) == {"closebook-store"}
    assert secrets_in(VALUES["apiServer"]) == {"closebook-desk"}


def test_the_head_of_the_file_names_each_secret_that_it_uses_and_no_other() -> None:
    head = text(FILE).partition("\nexecutor:")[0]
    assert set(re.findall(r"^#   (closebook-[a-z]+)  ", head, re.MULTILINE)) == secrets_in(VALUES)
    # With each connection that the code opens.
    opened = {
        getattr(airflow_connections, name)
        for name in dir(airflow_connections)
        if name.endswith("_CONNECTION")
    }
    named = head.replace("…_", "AIRFLOW_CONN_CLOSEBOOK_")
    assert {name.lower() for name in re.findall(r"AIRFLOW_CONN_(CLOSEBOOK_[A-Z_]+)", named)} == {
        *(opened & {"closebook_primary", "closebook_store", "closebook_redis"}),
        *("closebook_desk", "closebook_redis_app", "closebook_metrics", "closebook_decisions"),
        *("closebook_replica_a", "closebook_replica_b"),
    }


def test_no_value_is_a_secret() -> None:
    for name, value in ENV.items():
        assert not re.search(r"(PASSWORD|SECRET|_KEY|BACKEND|URL_CONN|_CONN)$", name), name
        assert not re.search(r"://[^/]*:[^/]*@", value), name


def test_all_pods_share_documents_logs_and_certificates() -> None:
    [shared] = [each for each in VALUES["volumes"] if each["name"] == "shared"]
    assert shared["persistentVolumeClaim"]["claimName"] in text(FILE).partition("\nexecutor:")[0]
    mounted = {each["name"]: each["mountPath"] for each in VALUES["volumeMounts"]}
    assert mounted.keys() == {each["name"] for each in VALUES["volumes"]}
    assert ENV["CLOSEBOOK_DOCUMENTS_URL"].startswith(f"file://{mounted['shared']}/")
    assert ENV["AIRFLOW__LOGGING__BASE_LOG_FOLDER"].startswith(f"{mounted['shared']}/")
    assert ENV["CLOSEBOOK_CA_CERTIFICATES"] == f"{mounted['tls']}/ca.pem"


def test_the_probes_are_the_health_checks_of_compose() -> None:
    for part, service in (
        (VALUES["scheduler"], "scheduler"),
        (VALUES["dagProcessor"], "dag-processor"),
        (VALUES["triggerer"], "triggerer"),
        (VALUES["workers"]["celery"], "closes-worker"),
    ):
        command = [
            word.replace("/opt/closebook/deploy", "/etc/closebook")
            for word in part["livenessProbe"]["command"]
        ]
        assert ["CMD", *command] == service_of(service)["healthcheck"]["test"]
    name = "AIRFLOW__CORE__HOSTNAME_CALLABLE"
    assert ENV[name] == environment("scheduler")[name]
    home = re.search(r"AIRFLOW_HOME=(\S+)", text(REPOSITORY / "Dockerfile"))
    assert home is not None
    assert VALUES["airflowHome"] == home[1]


@pytest.mark.parametrize("name", sorted(each for each in ENV if each.startswith("CLOSEBOOK_")))
def test_a_setting_is_one_that_compose_has_too(name: str) -> None:
    assert name in environment("closes-worker")


def test_the_versions_are_those_of_the_project_and_of_its_lock() -> None:
    project = tomllib.loads(text(REPOSITORY / "pyproject.toml"))["project"]
    assert VALUES["images"]["airflow"]["tag"] == project["version"]
    locked = re.search(
        r"^apache-airflow==(\S+)", text(REPOSITORY / "requirements.txt"), re.MULTILINE
    )
    assert locked is not None
    assert VALUES["airflowVersion"] == locked[1]


def test_the_document_lists_the_settings_of_several_machines() -> None:
    rows = re.findall(
        r"^\| `(AIRFLOW__\w+)` \| `([^`]+)` \|",
        section(DOCS / "deploy.md", "Settings"),
        re.MULTILINE,
    )
    assert dict(rows) == dict(CLUSTER_SETTINGS)

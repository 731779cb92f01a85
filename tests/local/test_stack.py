"""The local stack is what it says: real replicas, narrow roles, loopback only, no root."""

import time
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
import redis
from psycopg import errors, sql
from redis.backoff import NoBackoff
from redis.retry import Retry

from local import ports, processes
from local.__main__ import main
from local.addresses import POOLERS, PRIMARY, REDIS, REPLICAS, SERVERS, STORE
from local.errors import StackError
from local.pgbouncer import console
from local.stack import Stack
from tests.message_connections import MESSAGE_CONNECTIONS, NO_PORT

LOOPBACKS = {"127.0.0.1", "::1"}


def value(conninfo: str, query: bytes | sql.Composed) -> object:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(query).fetchone()
    return None if row is None else row[0]


def counting(schema: str, relation: str) -> sql.Composed:
    return sql.SQL("select count(*) from {}").format(sql.Identifier(schema, relation))


# ---- replication ------------------------------------------------------------------------


def test_both_replicas_stream_from_the_primary(stack: Stack) -> None:
    with psycopg.connect(stack.primary_admin()) as connection:
        streaming = connection.execute(
            "select application_name, state from pg_stat_replication order by 1"
        ).fetchall()
        slots = connection.execute(
            "select slot_name, active from pg_replication_slots order by 1"
        ).fetchall()

    assert streaming == [(name, "streaming") for name in REPLICAS]
    assert slots == [(name, True) for name in REPLICAS]


def test_the_primary_is_no_replica_and_can_prepare_transactions(stack: Stack) -> None:
    assert value(stack.primary_admin(), b"select pg_is_in_recovery()") is False
    assert value(stack.primary_admin(), b"show max_prepared_transactions") == "20"


@pytest.mark.parametrize("replica", REPLICAS)
def test_a_replica_is_in_recovery_with_checksums_and_lets_the_replay_wait_for_a_read(
    stack: Stack, replica: str
) -> None:
    assert value(stack.reader(replica), b"select pg_is_in_recovery()") is True
    assert value(stack.replica_admin(replica), b"show data_checksums") == "on"
    assert value(stack.replica_admin(replica), b"show hot_standby_feedback") == "off"
    assert value(stack.replica_admin(replica), b"show max_standby_streaming_delay") == "10min"


@pytest.mark.parametrize("replica", REPLICAS)
def test_what_is_committed_on_the_primary_is_read_through_the_pooler(
    stack: Stack, platform_database: str, replica: str
) -> None:
    with psycopg.connect(stack.primary_admin(platform_database)) as connection:
        connection.execute("insert into platform.promotions values (7, 'Spring', 'shared')")

    stack.replica_wait()

    funding = value(
        stack.reader(replica, platform_database), b"select funding from reporting_source.promotions"
    )
    assert funding == "shared"


def test_a_replica_whose_replay_is_paused_does_not_show_what_came_after(
    stack: Stack, platform_database: str
) -> None:
    paused, other = REPLICAS
    stack.pause_replay(paused)
    try:
        with psycopg.connect(stack.primary_admin(platform_database)) as connection:
            connection.execute("insert into platform.promotions values (1, 'Late', 'platform')")
        stack.replica_wait(other)
        promotions = counting("reporting_source", "promotions")

        assert value(stack.reader(other, platform_database), promotions) == 1
        assert value(stack.reader(paused, platform_database), promotions) == 0
        with pytest.raises(StackError, match=f"{paused} has not replayed"):
            stack.replica_wait(paused, seconds=0.2)
    finally:
        stack.resume_replay(paused)

    stack.replica_wait(paused)
    assert value(stack.reader(paused, platform_database), promotions) == 1


# ---- roles ------------------------------------------------------------------------------


def test_the_reader_sees_every_view_of_the_contract_and_no_table(
    stack: Stack, platform_database: str
) -> None:
    conninfo = stack.reader("replica_a", platform_database)
    with psycopg.connect(stack.primary_admin(platform_database)) as admin:
        relations = admin.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema in ('platform', 'reporting_source')"
        ).fetchall()
    assert {schema for schema, _ in relations} == {"platform", "reporting_source"}

    for schema, name in relations:
        reading = counting(schema, name)
        if schema == "reporting_source":
            assert value(conninfo, reading) == 0
        else:
            with pytest.raises(errors.InsufficientPrivilege):
                value(conninfo, reading)


def test_the_fence_role_reads_no_table_and_has_two_connections(
    stack: Stack, platform_database: str
) -> None:
    conninfo = stack.fence(platform_database)
    for schema in ("platform", "reporting_source"):
        with pytest.raises(errors.InsufficientPrivilege):
            value(conninfo, counting(schema, "transactions"))

    with (
        psycopg.connect(conninfo),
        psycopg.connect(conninfo),
        pytest.raises(psycopg.OperationalError, match="too many connections"),
    ):
        psycopg.connect(conninfo)


def test_the_desk_reads_the_store_and_writes_nothing(stack: Stack, store_database: str) -> None:
    desk = stack.desk(store_database)
    assert value(desk, b"select count(*) from reporting.closes") == 0
    with pytest.raises(errors.InsufficientPrivilege):
        value(desk, b"delete from reporting.closes returning 1")


@pytest.mark.parametrize("server", [PRIMARY, STORE, *REPLICAS, *POOLERS])
def test_a_wrong_password_is_refused(stack: Stack, server: str) -> None:
    conninfo = f"host=127.0.0.1 port={stack.ports[server]} user=closebook_reader dbname=platform"
    with pytest.raises(psycopg.OperationalError, match=r"authentication failed|no password"):
        psycopg.connect(conninfo, password="wrong")  # noqa: S106 (that is the point)


def test_redis_answers_to_its_password_only(stack: Stack) -> None:
    with redis.Redis.from_url(stack.redis_admin) as client:
        assert client.ping() is True
    with (
        redis.Redis("127.0.0.1", stack.ports[REDIS], retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


# ---- poolers ----------------------------------------------------------------------------


@pytest.mark.parametrize("replica", REPLICAS)
def test_the_pooler_lends_a_server_for_a_transaction_only(stack: Stack, replica: str) -> None:
    with console(stack.pool_admin(replica)) as admin:
        settings = {row[0]: row[1] for row in admin.execute("show config")}
    assert settings["pool_mode"] == "transaction"

    # When more clients stay connected than the pool has servers, each of them is served
    clients = [psycopg.connect(stack.reader(replica), autocommit=True) for _ in range(20)]
    try:
        servers = {client.execute("select pg_backend_pid()").fetchone() for client in clients}
    finally:
        for client in clients:
            client.close()
    assert len(servers) <= int(str(settings["default_pool_size"]))


@pytest.mark.parametrize("pooler", POOLERS)
def test_the_pooler_knows_who_may_log_in_and_no_password(stack: Stack, pooler: str) -> None:
    users = (stack.root / "servers" / pooler / "users.txt").read_text()
    assert '"closebook_reader" "SCRAM-SHA-256$' in users
    assert not any(secret in users for secret in stack.secrets.values())

    # When it starts anew, it has seen no client's log-in that it could use at the replica
    stack.stop(pooler)
    stack.start(pooler)

    with psycopg.connect(stack.reader(POOLERS[pooler])) as reader:
        assert reader.execute("select pg_is_in_recovery()").fetchone() == (True,)


# ---- safety -----------------------------------------------------------------------------


def test_every_socket_listens_on_loopback(stack: Stack) -> None:
    pids = [pid for name in stack.running for pid in stack.processes_of(name)]
    listening = [found for found in ports.listeners() if found.pid in pids]

    assert {found.port for found in listening} >= {stack.ports[name] for name in SERVERS}
    assert {found.address for found in listening} <= LOOPBACKS


def test_no_server_runs_as_root(stack: Stack) -> None:
    for name in SERVERS:
        for pid in stack.processes_of(name):
            assert 0 not in psutil.Process(pid).uids(), f"{name} runs as root"


def test_secrets_are_readable_by_their_owner_only(stack: Stack) -> None:
    wanted = set(stack.secrets.values())
    holding = [
        path
        for path in stack.root.rglob("*")
        if path.is_file() and path.suffix in {".json", ".txt", ".conf", ".ini", ".cfg", ".pgpass"}
        if any(secret in path.read_text(errors="replace") for secret in wanted)
    ]
    assert stack.root / "secrets.json" in holding
    assert [path for path in holding if path.stat().st_mode & 0o077] == []


def test_no_password_is_in_a_command_line_or_a_log(stack: Stack) -> None:
    secrets = [secret.encode() for secret in stack.secrets.values()]
    pids = [pid for name in stack.running for pid in stack.processes_of(name)]
    shown = ["\n".join(psutil.Process(pid).cmdline()).encode() for pid in pids]
    shown += [path.read_bytes() for path in (stack.root / "logs").iterdir()]

    assert not any(secret in text for secret in secrets for text in shown)


# ---- starting and stopping --------------------------------------------------------------


def test_a_second_stack_lives_beside_the_first_and_comes_back_with_its_data(
    stack: Stack, small_stack: Stack
) -> None:
    assert set(small_stack.ports.values()).isdisjoint(stack.ports.values())
    small_stack.up()
    with psycopg.connect(small_stack.primary_admin("platform")) as connection:
        connection.execute("insert into platform.promotions values (3, 'Kept', 'merchant')")

    # When another process stops it, moves it to other ports and starts it again
    assert main(["--root", str(small_stack.root), "down"]) == 0
    again = Stack.build(small_stack.root, airflow=False, fast=True)
    assert not any(again.is_running(name) for name in SERVERS)
    again.renumber()
    again.up()
    again.replica_wait()

    # Then the replicas follow the primary to its new port
    assert set(again.ports.values()).isdisjoint(small_stack.ports.values())
    kept = b"select promotion_name from platform.promotions"
    assert [value(again.replica_admin(name, "platform"), kept) for name in REPLICAS] == [
        "Kept",
        "Kept",
    ]
    assert all(stack.is_running(name) for name in SERVERS)
    databases = (PRIMARY, *REPLICAS, STORE)
    started = {again.running[name].process.pid for name in databases}
    assert started <= creators_of_shared_memory()
    # And it leaves nothing, not even what only an end by PostgreSQL itself removes.
    again.clean()
    assert not again.root.exists()
    assert started.isdisjoint(creators_of_shared_memory())


def creators_of_shared_memory() -> set[int]:
    """The pids that made a segment of shared memory which is still there."""
    _, *segments = Path("/proc/sysvipc/shm").read_text().splitlines()
    return {int(segment.split()[4]) for segment in segments}


def test_a_recycled_pid_is_left_alone(stack: Stack) -> None:
    ours = stack.running[PRIMARY].process
    other = processes.Process(ours.pid, ours.started_ticks - 1, ours.boot_id)

    processes.stop([processes.Running(other, 15, 1)])

    assert not processes.is_alive(other)
    assert stack.is_running(PRIMARY)


@pytest.mark.parametrize("name", ["replica_b", "pgbouncer_replica_b", "redis"])
def test_a_server_can_crash_and_come_back(stack: Stack, name: str) -> None:
    stack.kill(name)
    deadline = time.monotonic() + 60  # the kernel closes what the dead left open, but not at once
    while not ports.is_free(stack.ports[name]):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    stack.start(name)

    assert stack.is_running(name)
    stack.replica_wait()


def test_a_frozen_replica_does_not_answer_until_it_is_thawed(stack: Stack) -> None:
    stack.freeze("replica_a")
    try:
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(stack.replica_admin("replica_a"), connect_timeout=2)
    finally:
        stack.thaw("replica_a")

    assert value(stack.replica_admin("replica_a"), b"select 1") == 1


def test_each_test_has_databases_of_its_own(
    stack: Stack, platform_database: str, store_database: str
) -> None:
    for replica in REPLICAS:
        assert value(stack.reader(replica, platform_database), b"select current_database()") == (
            platform_database
        )
    assert value(stack.store(store_database), b"select count(*) from reporting.closes") == 0


# ---- Airflow ----------------------------------------------------------------------------


def test_airflow_is_healthy_and_knows_each_user_by_its_role(airflow_stack: Stack) -> None:
    seen = {}
    with httpx.Client(base_url=airflow_stack.ui_url, trust_env=False, timeout=30) as client:
        health = client.get("/api/v2/monitor/health").json()
        for username, password in airflow_stack.credentials.items():
            login = {"username": username, "password": password}
            token = client.post("/auth/token", json=login).json()["access_token"]
            as_user = {"Authorization": f"Bearer {token}"}
            seen[username] = (
                client.get("/api/v2/dags", headers=as_user).status_code,
                client.get("/api/v2/connections", headers=as_user).status_code,
            )
        stranger = client.get("/api/v2/dags").status_code

    assert {part: found["status"] for part, found in health.items()} == dict.fromkeys(
        ("metadatabase", "scheduler", "dag_processor", "triggerer"), "healthy"
    )
    assert seen == {
        "admin": (200, 200),
        **dict.fromkeys(("finance", "approver", "operator", "auditor", "viewer"), (200, 403)),
    }
    assert stranger == 401


def test_airflow_has_the_connections_and_the_pools(airflow_stack: Stack) -> None:
    login = {"username": "admin", "password": airflow_stack.credentials["admin"]}
    with httpx.Client(base_url=airflow_stack.ui_url, trust_env=False, timeout=30) as client:
        token = client.post("/auth/token", json=login).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        connections = client.get("/api/v2/connections").json()["connections"]
        pools = client.get("/api/v2/pools").json()["pools"]

    assert {found["connection_id"]: found["port"] for found in connections} == {
        "closebook_primary": airflow_stack.ports[PRIMARY],
        "closebook_replica_a": airflow_stack.ports["pgbouncer_replica_a"],
        "closebook_replica_b": airflow_stack.ports["pgbouncer_replica_b"],
        "closebook_store": airflow_stack.ports[STORE],
        "closebook_desk": airflow_stack.ports[STORE],
        "closebook_redis": airflow_stack.ports[REDIS],
        "closebook_redis_app": airflow_stack.ports[REDIS],
        "closebook_metrics": None,
        "closebook_decisions": None,
        **dict.fromkeys(MESSAGE_CONNECTIONS, NO_PORT),
    }
    slots = {pool["name"]: pool["slots"] for pool in pools}
    assert slots | {"replica_reads": 6, "rendering": 2} == slots


def test_airflow_listens_on_loopback_and_tells_no_password(airflow_stack: Stack) -> None:
    test_every_socket_listens_on_loopback(airflow_stack)
    test_no_password_is_in_a_command_line_or_a_log(airflow_stack)
    test_secrets_are_readable_by_their_owner_only(airflow_stack)


def test_the_api_server_has_a_lower_priority_than_the_tasks(airflow_stack: Stack) -> None:
    """Linux shares a processor among sessions first: a nice process in a session that is not nice
    gets as much as any other session (sched(7), "The autogroup feature")."""
    niceness = {}
    for name in ("api_server", "execution_api", "scheduler"):
        pid = airflow_stack.running[name].process.pid
        session = Path(f"/proc/{pid}/autogroup").read_text().split()[-1]
        niceness[name] = (psutil.Process(pid).nice(), int(session))

    assert niceness == {"api_server": (5, 5), "execution_api": (0, 0), "scheduler": (0, 0)}


def test_stopping_the_scheduler_leaves_none_of_its_workers(airflow_stack: Stack) -> None:
    scheduler_and_workers = processes.tree(airflow_stack.running["scheduler"].process)
    assert len(scheduler_and_workers) > 1

    airflow_stack.stop("scheduler")

    # Not by pid: one that has ended keeps it until the system's init reaps it.
    assert [each for each in scheduler_and_workers if processes.is_alive(each)] == []
    airflow_stack.start_airflow()
    assert airflow_stack.is_running("scheduler")

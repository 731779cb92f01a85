"""The addresses of a stack: ports, secrets, and the connection string of each role."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from psycopg.conninfo import make_conninfo

from deploy.airflow_defaults import USERS
from local.pgbouncer import ADMIN_USER
from local.ports import LOOPBACK
from local.postgres import SUPERUSER
from local.redis_server import APP, PUBLISHER

PRIMARY = "primary"
STORE = "store"
REDIS = "redis"
REPLICAS = ("replica_a", "replica_b")
POOLERS = {f"pgbouncer_{replica}": replica for replica in REPLICAS}
SERVERS = (STORE, PRIMARY, *REPLICAS, *POOLERS, REDIS)
PLATFORM_DATABASE = "platform"
STORE_DATABASE = "closebook"
METADATA_DATABASE = "airflow"
METADATA_USER = "airflow"


@dataclass
class Addresses:
    """The folder, ports and secrets of a stack, and the connection strings made from them.

    `settings` overrides variables of Airflow's processes (see `environment`).
    """

    root: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def primary_admin(self, dbname: str = "postgres") -> str:
        """Conninfo of the superuser on the primary."""
        return self.conninfo(PRIMARY, SUPERUSER, dbname)

    def replica_admin(self, replica: str, dbname: str = "postgres") -> str:
        """Conninfo of the superuser on a replica, not through PgBouncer."""
        return self.conninfo(replica, SUPERUSER, dbname)

    def store_admin(self, dbname: str = "postgres") -> str:
        """Conninfo of the superuser on the store's server."""
        return self.conninfo(STORE, SUPERUSER, dbname)

    def fence(self, dbname: str = PLATFORM_DATABASE) -> str:
        """Conninfo of closebook_fence on the primary."""
        return self.conninfo(PRIMARY, "closebook_fence", dbname)

    def reader(self, replica: str, dbname: str = PLATFORM_DATABASE) -> str:
        """Conninfo of closebook_reader on a replica, through its PgBouncer."""
        return self.conninfo(f"pgbouncer_{replica}", "closebook_reader", dbname)

    def pool_admin(self, replica: str) -> str:
        """Conninfo of the console of a replica's PgBouncer (see local.pgbouncer.console)."""
        return self.conninfo(f"pgbouncer_{replica}", ADMIN_USER, "pgbouncer")

    def store_owner(self, dbname: str = STORE_DATABASE) -> str:
        """Conninfo of closebook_owner, who migrates the store."""
        return self.conninfo(STORE, "closebook_owner", dbname)

    def store(self, dbname: str = STORE_DATABASE) -> str:
        """Conninfo of closebook_store, who writes closes."""
        return self.conninfo(STORE, "closebook_store", dbname)

    def desk(self, dbname: str = STORE_DATABASE) -> str:
        """Conninfo of closebook_desk, who reads closes."""
        return self.conninfo(STORE, "closebook_desk", dbname)

    @property
    def redis_admin(self) -> str:
        """URL of Redis as the operator, who may do everything."""
        return self._redis(self.secrets["redis"], "")

    @property
    def redis_publisher(self) -> str:
        """URL of Redis as the user who writes the counter."""
        return self._redis(self.secrets[PUBLISHER], PUBLISHER)

    @property
    def redis_app(self) -> str:
        """URL of Redis as the user who reads the counter."""
        return self._redis(self.secrets[APP], APP)

    @property
    def credentials(self) -> dict[str, str]:
        """The log-ins of the UI: user name to password."""
        return {user: self.secrets[user] for user in USERS}

    @property
    def documents_url(self) -> str:
        return (self.root / "documents").as_uri()

    @property
    def environment(self) -> dict[str, str]:
        """The CLOSEBOOK_* settings and AIRFLOW_HOME, as Airflow's processes have them."""
        return {
            "AIRFLOW_HOME": str(self.airflow_home),
            "CLOSEBOOK_TIME_ZONE": "America/New_York",
            "CLOSEBOOK_REPLICAS": ",".join(f"closebook_{replica}" for replica in REPLICAS),
            "CLOSEBOOK_DOCUMENTS_URL": self.documents_url,
            "CLOSEBOOK_ISSUER_NAME": "Closebook Sample Payments",
            "CLOSEBOOK_ISSUER_ADDRESS": "1 Ledger Lane, New York, NY 10005, United States",
            **self.settings,
        }

    @property
    def airflow_home(self) -> Path:
        """Airflow's own folder: its configuration and its logs."""
        return self.root / "airflow"

    @property
    def logs(self) -> Path:
        """The folder of the components' logs."""
        return self.root / "logs"

    def log(self, name: str) -> Path:
        """The log of one component."""
        return self.logs / f"{name}.log"

    def _redis(self, password: str, user: str) -> str:
        return f"redis://{user}:{password}@{LOOPBACK}:{self.ports[REDIS]}/0"

    def conninfo(self, server: str, user: str, dbname: str) -> str:
        """Conninfo of any role on any server."""
        return make_conninfo(
            host=LOOPBACK,
            port=self.ports[server],
            user=user,
            password=self.secrets[user],
            dbname=dbname,
            connect_timeout=10,
        )

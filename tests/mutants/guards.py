"""All guards. `make mutants` removes each in turn; then one of its tests must fail."""

from tests.mutants.guard import Guard
from tests.mutants.guards_of_closes import CLOSES
from tests.mutants.guards_of_exceptions import EXCEPTIONS
from tests.mutants.guards_of_messages import MESSAGES
from tests.mutants.guards_of_reads import READS
from tests.mutants.guards_of_retention import RETENTION
from tests.mutants.guards_of_schedules import SCHEDULES
from tests.mutants.guards_of_statements import STATEMENTS
from tests.mutants.guards_of_the_audit import AUDIT
from tests.mutants.guards_of_the_bucket import BUCKET
from tests.mutants.guards_of_the_desk import DESK
from tests.mutants.guards_of_the_doctor import DOCTOR

GUARDS: tuple[Guard, ...] = (
    *READS,
    *CLOSES,
    *EXCEPTIONS,
    *SCHEDULES,
    *STATEMENTS,
    *BUCKET,
    *DESK,
    *AUDIT,
    *RETENTION,
    *DOCTOR,
    *MESSAGES,
)

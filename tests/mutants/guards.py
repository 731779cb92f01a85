"""The guards: one that goes without a test that fails is not tested. `make mutants` tries."""

from tests.mutants.guard import Guard
from tests.mutants.guards_of_closes import CLOSES
from tests.mutants.guards_of_statements import STATEMENTS
from tests.mutants.guards_of_the_audit import AUDIT
from tests.mutants.guards_of_the_desk import DESK
from tests.mutants.guards_of_the_doctor import DOCTOR

GUARDS: tuple[Guard, ...] = (*CLOSES, *STATEMENTS, *DESK, *AUDIT, *DOCTOR)

"""More log-ins on a local stack, to try out what many people at once do."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from local.stack import Stack

_ADD = """
with model as (
    select id, password from ab_user where username = %(model)s
),

added as (
    insert into ab_user (id, first_name, last_name, username, email, password, active)
    select
        nextval('ab_user_id_seq'), 'Person', number::text, 'person-' || number,
        'person-' || number || '@example.com', model.password, true
    from model
    cross join generate_series(1, %(people)s) as number
    returning id
)

insert into ab_user_role (id, user_id, role_id)
select nextval('ab_user_role_id_seq'), added.id, ab_user_role.role_id
from added
cross join model
inner join ab_user_role on model.id = ab_user_role.user_id
"""
_REMOVE = """
delete from ab_user_role where user_id in (
    select id from ab_user where username like 'person-%'
);
delete from ab_user where username like 'person-%';
"""


@contextmanager
def people(stack: Stack, count: int, *, like: str) -> Iterator[list[str]]:
    """Add users with the roles and the password of the user ``like``, until the end of the block.

    Yields their names.
    """
    with psycopg.connect(stack.store_admin("airflow"), autocommit=True) as metadata:
        metadata.execute(_REMOVE)
        metadata.execute(_ADD, {"model": like, "people": count})
        try:
            yield [f"person-{number}" for number in range(1, count + 1)]
        finally:
            metadata.execute(_REMOVE)

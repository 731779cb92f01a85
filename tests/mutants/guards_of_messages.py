"""The guards of notifications and statement events."""

from tests.mutants.guard import Guard
from tests.mutants.operators import Condition, Removed, Token

DELIVERY = "tests/notifications/test_delivery.py::"
RELEASE = "tests/statement_events/test_release.py::"
PUBLICATION = "tests/statement_events/test_publication.py::"
IDENTITY = "tests/test_server_identity.py::"

MESSAGES = (
    Guard(
        "notifications.claimed-before-sent",
        Condition(value=False),
        (DELIVERY + "test_every_event_is_one_mail_to_those_it_concerns_and_one_request",),
    ),
    Guard(
        "notifications.claimed-once",
        Removed(),
        (DELIVERY + "test_two_runs_at_once_send_one_message",),
    ),
    Guard(
        "notifications.no-redirect",
        Token("False", "True"),
        (DELIVERY + "test_a_webhook_that_redirects_has_sent_nothing",),
    ),
    Guard(
        "notifications.refused-address-is-noticed",
        Condition(value=False),
        (
            DELIVERY
            + "test_an_address_that_the_mail_server_refuses_is_noticed_and_the_others_get_one_mail",
        ),
    ),
    Guard(
        "events.no-version-twice",
        Condition(value=False),
        (RELEASE + "test_what_was_released_before_there_were_events_has_none_later",),
    ),
    Guard(
        "events.in-order-of-release",
        Removed(),
        (RELEASE + "test_of_two_releases_at_once_the_later_one_has_the_higher_numbers",),
    ),
    Guard(
        "events.unroutable-is-no-publication",
        Token("True", "False"),
        (PUBLICATION + "test_without_a_queue_no_event_counts_as_published",),
    ),
    Guard(
        "events.confirmed-before-marked",
        Condition(value=False),
        (PUBLICATION + "test_a_queue_that_refuses_leaves_the_events_to_the_next_run",),
    ),
    Guard(
        "events.one-publisher",
        Condition(value=False),
        (PUBLICATION + "test_while_one_run_publishes_another_one_publishes_nothing",),
    ),
    Guard(
        "events.no-older-after-newer",
        Condition(value=False),
        (PUBLICATION + "test_corrections_of_an_account_come_in_the_order_of_their_releases",),
    ),
    Guard(
        "server.broker-tls-elsewhere",
        Condition(value=False),
        (IDENTITY + "test_a_broker_on_another_machine_needs_tls",),
    ),
)

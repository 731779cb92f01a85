"""What to do about each error, where its text leaves something open: a column of docs/errors.md.

By code, in the order of the page. A code that is not here needs no advice.
"""

from collections.abc import Mapping

_DOCUMENTS_LOST = "See [lost documents](recovery.md#lost-documents)."
_DESK_LOG = "See [the log of the desk](desk.md#the-audit-log)."
_LOOK_AT_THE_ACCOUNT = (
    "All other documents are issued. Look at the account: most likely it has millions of lines, or "
    "very long texts. The manifest lists it as an exception."
)
_RANGE = (
    "From a run with `first_day` and `last_day`. The text ends with the errors of the first three "
    "days, each with its code; the task's log has all of them. "
)

ADVICE: Mapping[str, str] = {
    "CB-WAIT-DAYS-FAILED": _RANGE + "Airflow tries the days that are left again.",
    "CB-WAIT-DAYS-NOT-CLOSED": (
        "A month ties out with its days, from the first one that was ever closed. On the first of "
        "a month its last day closes at the same time, and the retry finds it. Otherwise find out "
        "why those days are not closed, and backfill them."
    ),
    "CB-WAIT-FAILOVER-NOT-ACKNOWLEDGED": (
        "[After a failover](failover.md). The retry goes on once it is acknowledged."
    ),
    "CB-WAIT-HIDDEN-TRANSACTIONS": (
        "`track_activities` is off for a role or a session. Find it: `select * from "
        "pg_db_role_setting`."
    ),
    "CB-WAIT-HISTORY-REPLACED": "Nothing to do: a failover was acknowledged during the run.",
    "CB-WAIT-HOURS-FROM-LOST-LOG": (
        "Until then the counter is not published: Redis keeps the last one."
    ),
    "CB-WAIT-MONTH-NOT-ISSUED": (
        "There is nothing to release yet. See whether the month's run has ended."
    ),
    "CB-WAIT-MONTHS-NOT-CLOSED": (
        "Openings are compared with the closings of the last closed month, so no month between may "
        "be missing. Backfill the months that are named."
    ),
    "CB-WAIT-NO-REPLICA-CAUGHT-UP": (
        "The text lists each replica with its reason. One replica that can be read is enough. "
        "[Which replica is read](operations.md#which-replica-is-read) explains the reasons."
    ),
    "CB-WAIT-NO-SECOND-REPLICA": (
        "The text says why no other replica can be read. The one that it names first can be; "
        "without the parameter `cross_check` it is enough."
    ),
    "CB-WAIT-NOTHING-TO-COUNT": "Nothing to do: the counter's task skips itself.",
    "CB-WAIT-OPEN-TRANSACTION": (
        "The brackets name its pid, role, application and state. *idle in transaction* for minutes "
        "is a bug of that application: `select pg_terminate_backend(pid)` on the primary, or ask "
        "its owner. A long report or dump on the primary does the same: move it to a replica, or "
        "name its role in `CLOSEBOOK_READ_ONLY_ROLES` ([Settings](settings.md#variables))."
    ),
    "CB-WAIT-PERIOD-NOT-ENDED": (
        "Nothing to do, if the run was started by hand for a period that has not ended. Otherwise "
        "compare the primary's clock."
    ),
    "CB-WAIT-PREPARED-TRANSACTION": (
        "Ask the owner of the transaction manager which; then `commit prepared` or `rollback "
        "prepared`."
    ),
    "CB-RETRY-AIRFLOW-DATABASE-FAILED": "From `closebook desk-roles`.",
    "CB-RETRY-BROKER-FAILED": (
        "From `statement_events` ([statement events](statement-events.md)). Start the broker, or "
        "correct its connection."
    ),
    "CB-RETRY-DAYS-FAILED": _RANGE + "Airflow tries the days that are left again.",
    "CB-RETRY-DESK-BUSY": (
        "From the desk, as HTTP 429. Nothing to do, if it is rare: [the limits](desk.md#limits) "
        "keep one person from stopping others."
    ),
    "CB-RETRY-DESK-WORK-TOO-LONG": (
        "From the desk. The text names the kind of work; its threads stay taken until the server "
        "that hangs answers, or the API server is started again."
    ),
    "CB-RETRY-DOCUMENT-STORE-FAILED": (
        "Look at its free space, its permissions, or the credentials of the object store."
    ),
    "CB-RETRY-FENCE-FAILED": (
        "The text ends with PostgreSQL's message. *no answer*: the primary hangs."
    ),
    "CB-RETRY-NOBODY-REACHED": "It is part of the text of `CB-RETRY-NOTIFICATIONS-NOT-SENT`.",
    "CB-RETRY-NOTIFICATIONS-NOT-SENT": (
        "From `notifications` ([notifications](notifications.md#at-most-once)). No close waits for "
        "it. Start the mail server or the receiver, or correct its connection."
    ),
    "CB-RETRY-OVERTAKEN": (
        "Nothing to do. Five times in a row another close of the period was written first; the "
        "retry reads again."
    ),
    "CB-RETRY-PLATFORM-SILENT": (
        "From `database_health`: the text lists the error of each server. Most likely the network "
        "failed."
    ),
    "CB-RETRY-PLATFORM-UNREACHABLE": (
        "From `closebook init`. Correct host and port of `--conninfo`, or start the server."
    ),
    "CB-RETRY-PREVIEW-FAILED": (
        "From the pictures of pages at the desk. Documents can still be downloaded."
    ),
    "CB-RETRY-PREVIEW-PAGES-UNKNOWN": (
        "From the pictures of pages at the desk: the file is no PDF any more. Find out whether it "
        "was changed. Documents can still be downloaded."
    ),
    "CB-RETRY-PREVIEW-TOOK-TOO-LONG": (
        "From the pictures of pages at the desk. Documents can still be downloaded."
    ),
    "CB-RETRY-PRIMARY-UNREACHABLE": (
        "The primary is down, or both connections of the role have been in use for seconds."
    ),
    "CB-RETRY-READ-FAILED": (
        "Replicas fail during a close. *conflict with recovery*: raise "
        "`max_standby_streaming_delay`. *statement timeout*: an index of "
        "`sql/platform/indexes.sql` is missing. *idle-in-transaction timeout*: give the reader a "
        "longer one, as it waits in its transaction for the store."
    ),
    "CB-RETRY-REDIS-NOT-WRITTEN": (
        "The numbers are safe in the store. When Redis is back, the retry or the next hour sends "
        "them."
    ),
    "CB-RETRY-REDIS-UNREADABLE": "When Redis is back, the retry or the next hour goes on.",
    "CB-RETRY-REPLICA-DAMAGED": (
        "A close takes another replica by itself. Rebuild this one, and look at its disk."
    ),
    "CB-RETRY-REPLICA-FAILED": (
        "A close takes another replica by itself. The text ends with PostgreSQL's message."
    ),
    "CB-RETRY-REPLICA-LOST-SNAPSHOT": "A close takes another replica by itself.",
    "CB-RETRY-REPLICA-PROMOTED": (
        "A failover. Point the connection of that id at a replica, and `closebook_primary` at the "
        "new primary."
    ),
    "CB-RETRY-REPLICA-RESTARTED": "Nothing to do: a close takes another replica by itself.",
    "CB-RETRY-STORE-FAILED": (
        "The store is down or full. *idle-in-transaction timeout*: give `closebook_store` a longer "
        "one, as it waits in its transaction for the replica; *idle-session timeout* the same, as "
        "it waits without one for the fence and a replica, 40 s at the most."
    ),
    "CB-RETRY-STORE-UNREACHABLE": (
        "From `closebook migrate` or `verify-log`: the server is down, or host, port or the name "
        "of the database are wrong. The text ends with the message of the server or of the "
        "network."
    ),
    "CB-RETRY-TOKEN-DID-NOT-SIGN": "The retry opens a new session on the token.",
    "CB-RETRY-VIEWS-REPLACED": "Nothing to do: the retry compares the new view with the contract.",
    "CB-DATA-ACCOUNTS-WITHOUT-STATEMENT": "A wrong id, or an account without entries and balance.",
    "CB-DATA-AMOUNT-TOO-LONG": "No real account has it. Correct the ledger entries, or the view.",
    "CB-DATA-BOUNDARY-MOVED": (
        "The zone's rules changed, or `CLOSEBOOK_TIME_ZONE` did: [rules of time](time.md)."
    ),
    "CB-DATA-CHANGE-WITHOUT-REASON": (
        "The text ends with the first rows of `same_as_issued`. The platform has other entries of "
        "this month by now: find out why, then [issue those statements "
        "again](statements.md#issue-statements-again). Until then a month that is not released yet "
        "cannot be released."
    ),
    "CB-DATA-CHECK-FAILED": (
        "[The checks](operations.md#the-checks) says of each check where to look."
    ),
    "CB-DATA-CLOSE-NOT-REGISTERED": (
        "From a trigger of the store: something other than Closebook writes rows. A close that "
        "meets it says CB-DATA-ROWS-REFUSED."
    ),
    "CB-DATA-CLOSE-STAYS": (
        "From a trigger of the store: somebody, perhaps its owner, tried to change the register of "
        "closes."
    ),
    "CB-DATA-CLOSE-UNKNOWN": (
        "The run began before the store was restored or changed. Trigger the month."
    ),
    "CB-DATA-CLOSED-WITH-EXCEPTIONS": (
        "From the last task of a run. The period is closed without what the text lists. "
        "[Exceptions](operations.md#exceptions) explains the reasons."
    ),
    "CB-DATA-CORRECTION-INCOMPLETE": (
        "From the last task of a month's run with `account_ids`: the month has other corrected "
        "statements too. The run that the text names needs no reason, since it changes nothing. "
        "The page *Requests* of the desk lists these months, and has its configuration to copy."
    ),
    "CB-DATA-DAYS-DO-NOT-MEET": (
        "There is a gap or an overlap between two closed days of a month: [rules of time](time.md)."
    ),
    "CB-DATA-DAYS-FAILED": _RANGE + "Correct what is wrong, then clear the task.",
    "CB-DATA-DAYS-NEED-CLOSES": (
        "From a trigger of the store: its owner tried to truncate `reporting.closes` without the "
        "tables of days."
    ),
    "CB-DATA-DECISION-REFUSED": (
        "A release or rejection was refused. The text ends with [the "
        "obstacles](statements.md#release-a-month)."
    ),
    "CB-DATA-DESK-LOG-CUT-SHORT": _DESK_LOG,
    "CB-DATA-DESK-LOG-ENTRY-CHANGED": _DESK_LOG,
    "CB-DATA-DESK-LOG-ENTRY-MISSING": _DESK_LOG,
    "CB-DATA-DESK-LOG-REWRITTEN": _DESK_LOG,
    "CB-DATA-DESK-LOG-SHORTER-THAN-ANCHOR": _DESK_LOG,
    "CB-DATA-DOCUMENT-CHANGED": (
        "Somebody wrote to the document store. Keep the copy; restore the original."
    ),
    "CB-DATA-DOCUMENT-MISSING": _DOCUMENTS_LOST,
    "CB-DATA-DOCUMENT-NAME-INVALID": (
        "The register names a document in a way that Closebook never does: somebody changed it."
    ),
    "CB-DATA-DOCUMENT-NOT-CONFORMANT": (
        "The file is not issued. Most likely the brand's style sheet or a font breaks a rule."
    ),
    "CB-DATA-DOCUMENT-NOT-REPEATABLE": _DOCUMENTS_LOST,
    "CB-DATA-DOCUMENT-PROCESS-ENDED": _LOOK_AT_THE_ACCOUNT,
    "CB-DATA-DOCUMENT-TOOK-TOO-LONG": _LOOK_AT_THE_ACCOUNT,
    "CB-DATA-DOCUMENTS-LOST": _DOCUMENTS_LOST,
    "CB-DATA-DOCUMENTS-NOT-MADE": _LOOK_AT_THE_ACCOUNT,
    "CB-DATA-FILE-REFUSED": (
        "From `closebook verify`, whose report has the text without this code, beside the name of "
        "the check that failed."
    ),
    "CB-DATA-LINES-NEED-STATEMENTS": (
        "From a trigger of the store: its owner tried to truncate `reporting.statements` without "
        "`reporting.statement_lines`."
    ),
    "CB-DATA-LINES-WITHOUT-STATEMENT": (
        "From a trigger of the store: something other than Closebook writes lines. A close that "
        "meets it says CB-DATA-ROWS-REFUSED."
    ),
    "CB-DATA-MONTH-NOT-CLOSED": (
        "From `write_manifest`, which runs after a failure too. Look at the error of "
        "`freeze_lines`, correct what it names, and clear the task."
    ),
    "CB-DATA-MONTH-WITH-EXCEPTIONS": (
        "From the last task of a month's run. All other statements are issued. Each account has "
        "its [reason](operations.md#exceptions), or the code of the error that stopped its "
        "document. To release the others, see [how to release the "
        "rest](statements.md#release-a-month-without-its-exceptions)."
    ),
    "CB-DATA-NOT-CLOSED-AGAIN": (
        "From `acknowledge_failover`. *a month would change*: [issue its statements "
        "again](statements.md#issue-statements-again), with a reason of its own. All other errors "
        "are in this list: correct what they name, then run it again."
    ),
    "CB-DATA-OTHER-ZONE-THAN-CLOSED": (
        "`CLOSEBOOK_TIME_ZONE` was changed: [rules of time](time.md)."
    ),
    "CB-DATA-PAGE-ASKED-FOR-ADDRESS": "The template was changed to load something. Take it out.",
    "CB-DATA-PERIOD-OVERLAPS": "`CLOSEBOOK_TIME_ZONE` was changed. Set it back.",
    "CB-DATA-QUERY-REFUSED": (
        "A view divides by zero, or casts a text that is no number, and the close could not leave "
        "these rows out: there are more than 100, or their account or currency is not known "
        "([values that cannot be computed](contract.md#values-that-cannot-be-computed)). The text "
        "has the name of PostgreSQL's error and, as far as they were found within 20 s, the view, "
        "the column and the key of the first such row. Let the view give null there: then only the "
        "currency or account of the row is left out, and the rest is closed."
    ),
    "CB-DATA-REPLICAS-DISAGREE": (
        "Two replicas hold different rows: see [Two replicas, one "
        "answer](backfills.md#cross-check-compare-two-replicas)."
    ),
    "CB-DATA-ROWS-REFUSED": (
        "The constraint or column that is named. Correct "
        "the view. What is wrong with one account or currency does not come here: it is an "
        "[exception](operations.md#exceptions)."
    ),
    "CB-DATA-STATEMENT-CONTRADICTS-ITSELF": (
        "The frozen lines contradict each other. This should never be seen: call the developers, "
        "and render nothing by hand."
    ),
    "CB-DATA-STATEMENT-HAS-LINES": (
        "From a trigger of the store: its owner tried to delete or rename a statement that has "
        "lines."
    ),
    "CB-DATA-TOO-MANY-DECIMAL-PLACES": (
        "Release the month without these statements, or keep this currency with at most 5 places "
        "from the first close on."
    ),
    "CB-DATA-UNKNOWN-CURRENCY": "Correct the rows, or the view.",
    "CB-CONFIG-AIRFLOW-MISSING": "From `closebook desk-roles`.",
    "CB-CONFIG-AIRFLOW-NOT-INSTALLED": "From each command but `verify` and `migrate`.",
    "CB-CONFIG-AUTH-MANAGER-NOT-FAB": (
        "From `closebook desk-roles`. The desk asks FAB's auth manager who may see what."
    ),
    "CB-CONFIG-BACKFILL-NAMES-PERIOD": "Start the backfill again and leave the field empty.",
    "CB-CONFIG-BRAND": (
        "The file and the key are named, and what to write ([brands](brands.md)). No document was "
        "made."
    ),
    "CB-CONFIG-BRAND-BLOCK": "The file and the line are named ([blocks](brands.md#blocks)).",
    "CB-CONFIG-BRAND-BLOCK-FAILED": (
        "Jinja2's own text follows. No document was made ([blocks](brands.md#blocks))."
    ),
    "CB-CONFIG-BRAND-FONT": "No document was made ([fonts](brands.md#fonts)).",
    "CB-CONFIG-BRAND-MISSING": "The folder is not mounted on this worker, or its rights are wrong.",
    "CB-CONFIG-BRAND-ROLE-MISSING": (
        "A block of the brand has taken out a value that `closebook verify` compares "
        "([blocks](brands.md#blocks))."
    ),
    "CB-CONFIG-BRAND-VARIABLE": "The style sheet is named ([style.css](brands.md#stylecss)).",
    "CB-CONFIG-COMMON-POSITION-UNKNOWN": (
        "See [where to find it](failover.md#when-it-asks-for-the-last-common-position)."
    ),
    "CB-CONFIG-CONNECTION-MISSING": "See [Connections](settings.md#connections).",
    "CB-CONFIG-CONNINFO-INVALID": (
        "From `closebook migrate` or `verify-log`. The string is not shown: it may hold a password."
    ),
    "CB-CONFIG-CONTRACT-DIFFERS": (
        "[Types](contract.md#types) has what is accepted. Correct the view; the replica follows by "
        "itself."
    ),
    "CB-CONFIG-DOCTOR-FINDINGS": "[The findings](doctor.md#the-findings), by their codes.",
    "CB-CONFIG-DOCUMENT-FOLDER-INVALID": (
        "This should never be seen: call the developers. The name of a folder comes from the code."
    ),
    "CB-CONFIG-DOCUMENTS-URL-NO-SCHEME": "Write `file:///…`, not a path.",
    "CB-CONFIG-DOCUMENTS-URL-UNUSABLE": (
        "The Airflow provider of its scheme is not installed, or the URL is wrong."
    ),
    "CB-CONFIG-EARLIER-POSITION": (
        "The primary's files were restored from a copy: [after a failover](failover.md)."
    ),
    "CB-CONFIG-FENCE-REFUSED": (
        "A right was taken from the role, or from everybody. The text has PostgreSQL's message."
    ),
    "CB-CONFIG-FENCE-SEES-NOBODY": (
        "Without `pg_monitor` the role does not see the transactions of others."
    ),
    "CB-CONFIG-FILE-TOO-LARGE": "From `closebook verify`: no statement is that long.",
    "CB-CONFIG-FILE-UNREADABLE": "From `closebook verify`: correct the path, or its rights.",
    "CB-CONFIG-FONTS-MISSING": "Install the Debian packages that the text names, on every worker.",
    "CB-CONFIG-INDEXES-UNREADABLE": "See [Settings](settings.md#variables).",
    "CB-CONFIG-KEYS-UNREADABLE": "Only `closebook migrate` reads it.",
    "CB-CONFIG-LIBRARY-VERSION": (
        "The machine has another version than the locked one: install requirements.txt there again."
    ),
    "CB-CONFIG-LOGIN-REFUSED": (
        "Most likely the password, of `closebook_store`, `closebook_desk` or a command's "
        "connection string. The text ends with the server's message."
    ),
    "CB-CONFIG-NO-DATA-INTERVAL": "Trigger it again with that parameter.",
    "CB-CONFIG-NO-ENCODING": (
        "See [Texts and their encoding](contract.md#texts-and-their-encoding)."
    ),
    "CB-CONFIG-NO-REPLICA-NAMED": "See [Settings](settings.md#variables).",
    "CB-CONFIG-NO-REPLICA-READABLE": (
        "The text lists every replica, each with its code. The error does not occur while one "
        "replica can be read."
    ),
    "CB-CONFIG-NO-SECOND-REPLICA": (
        "The text says why no other replica can be read. The one that it names first can be; "
        "without the parameter `cross_check` it is enough."
    ),
    "CB-CONFIG-NO-SUCH-MONTH": "Trigger the run again with another month.",
    "CB-CONFIG-OLDER-TIMELINE": (
        "The old primary is back, or its name leads there again. Stop it: [after a "
        "failover](failover.md)."
    ),
    "CB-CONFIG-OTHER-CLUSTER": (
        "`closebook_primary` leads to another platform: let it lead to the right one. After "
        "`pg_upgrade`, or a move: [after a failover](failover.md)."
    ),
    "CB-CONFIG-OTHER-PROMOTION": (
        "Two replicas were promoted. Decide which one is right, and stop the other one: [after a "
        "failover](failover.md)."
    ),
    "CB-CONFIG-OUTPUT-UNWRITABLE": (
        "From the commands: most likely the disk that takes the output is full. The command had "
        "done its work."
    ),
    "CB-CONFIG-PERIOD-EMPTY": (
        "The zone left that time out, as Samoa did with 30 December 2011. Nothing to close."
    ),
    "CB-CONFIG-PERIOD-NOT-IN-UTC": (
        "This should never be seen: call the developers. Hours are given in UTC by the code."
    ),
    "CB-CONFIG-PLATFORM-REFUSES": (
        "From `closebook init`. Correct the role, the password or the database of `--conninfo`. "
        "The role needs no right but to log in there."
    ),
    "CB-CONFIG-PREVIEW-PROGRAM-MISSING": (
        "The desk shows this text where a page would be. Documents can still be downloaded."
    ),
    "CB-CONFIG-PRIMARY-IS-REPLICA": "Point it at the primary.",
    "CB-CONFIG-PRIMARY-LOGIN": (
        "The password, the role, the database or TLS: the text has the server's message. If "
        "PostgreSQL's messages are not in English, a refused log-in is "
        "CB-RETRY-PRIMARY-UNREACHABLE."
    ),
    "CB-CONFIG-RANGE-EMPTY": "The first day is after the last one, or the zone skipped it.",
    "CB-CONFIG-RANGE-IMPOSSIBLE": "Most likely a year is mistyped.",
    "CB-CONFIG-READ-REFUSED": "The text has the message of the server or of its pooler.",
    "CB-CONFIG-READER-RIGHTS": "See [Grants](grants.md).",
    "CB-CONFIG-REDIS-IS-CLUSTER": "Each try would be refused again.",
    "CB-CONFIG-REDIS-KEY-TAKEN": "`redis-cli type closebook:platform_volume` shows what it holds.",
    "CB-CONFIG-REDIS-LOGIN": "The text has Redis's message. The numbers are safe in the store.",
    "CB-CONFIG-REDIS-RIGHTS": "The text has Redis's message: the `ACL` of the user is too narrow.",
    "CB-CONFIG-REGISTER-NO-MANIFEST": "From `closebook verify`, option `--manifest`.",
    "CB-CONFIG-REPLICA-IS-PRIMARY": (
        "A wrong host, or a name that leads to the new primary since a failover."
    ),
    "CB-CONFIG-REPLICA-LOGIN": (
        "The password, the role, the database or TLS: the text has the server's message. Renew the "
        "users of PgBouncer after each change of a password ([Pools](settings.md#pools))."
    ),
    "CB-CONFIG-REPLICA-STATUS-REFUSED": (
        "The function `reporting_source.wal_receiver()` is missing, or the reader may not execute "
        "it."
    ),
    "CB-CONFIG-SAMPLE-NOT-EMPTY": "From `make demo`.",
    "CB-CONFIG-SAMPLE-TOO-SMALL": "From `make demo`.",
    "CB-CONFIG-SAMPLE-UNTIL-WITHOUT-ZONE": "From `make demo`.",
    "CB-CONFIG-SCHEDULE-ZONE-DIFFERS": "Make them equal, restart, then run the period again.",
    "CB-CONFIG-SETTING-MISSING": (
        "[Settings](settings.md#variables): set it for every Airflow process, and restart them."
    ),
    "CB-CONFIG-SIGNING-CERTIFICATE-MAY-NOT-SIGN": "The certificate of a web server cannot be used.",
    "CB-CONFIG-SIGNING-CERTIFICATE-NOT-VALID": "What was signed before stays valid.",
    "CB-CONFIG-SIGNING-KEY-INCOMPLETE": (
        "`openssl pkcs12 -export -inkey KEY -in CERTIFICATE -certfile AUTHORITY -out FILE`."
    ),
    "CB-CONFIG-SIGNING-KEY-NOT-NAMED": "[Connections](settings.md#connections) has both.",
    "CB-CONFIG-SIGNING-KEY-NOT-PKCS12": (
        "Try `openssl pkcs12 -info -noout -in FILE` with the passphrase."
    ),
    "CB-CONFIG-SIGNING-KEY-OF-OTHER-CERTIFICATE": (
        "`openssl pkcs12 -export -inkey KEY -in CERTIFICATE -certfile AUTHORITY -out FILE`."
    ),
    "CB-CONFIG-SIGNING-KEY-TOO-WEAK": "Statements that it signed keep their place in the manifest.",
    "CB-CONFIG-SIGNING-KEY-UNREADABLE": "Do so on every worker.",
    "CB-CONFIG-SIGNING-TOKEN-UNUSABLE": (
        "The brackets have the token's message. After `PinIncorrect` do not try often: tokens lock "
        "themselves."
    ),
    "CB-CONFIG-SQL-MISSING": "`sql/` was not deployed with the code.",
    "CB-CONFIG-STAMPED-STATEMENTS-UNREADABLE": ("See [Settings](settings.md#variables)."),
    "CB-CONFIG-STORE-DAMAGED": "See [Lost store](recovery.md#lost-store).",
    "CB-CONFIG-STORE-ENCODING": (
        "From `closebook migrate` or `verify-log`: `create database … encoding 'UTF8' template "
        "template0`."
    ),
    "CB-CONFIG-STORE-KEYS": (
        "Nothing was changed. The types of keys are chosen when the store is made "
        "([keys](contract.md#keys))."
    ),
    "CB-CONFIG-STORE-NEWER": (
        "Somebody migrated the store with a newer version. No migration goes back: install that "
        "version here too."
    ),
    "CB-CONFIG-STORE-NOT-MIGRATED": "Run it as the store's owner.",
    "CB-CONFIG-STORE-REFUSED": (
        "Nothing was changed. The text has the server's message. *read-only*: the connection leads "
        "to a replica of the store."
    ),
    "CB-CONFIG-STORE-RIGHTS": (
        "`migrate` runs as `closebook_owner`; `verify-log` and `audit` run as `closebook_store`."
    ),
    "CB-CONFIG-TEMPLATE-MISSING": "The templates were not deployed with the code.",
    "CB-CONFIG-TEMPLATE-NOT-XML": (
        "Somebody changed the template: an element is not closed, or a text is printed past "
        "Jinja2's escaping. No document was made."
    ),
    "CB-CONFIG-TIME-ZONE-NOT-SET": (
        "It is the import error of `daily_rollups` and `monthly_statements`."
    ),
    "CB-CONFIG-TOKEN-MISSING": "A program sends that password as its bearer token.",
    "CB-CONFIG-TRUST-EMPTY": "From `closebook verify`, option `--trust`: give a PEM certificate.",
    "CB-CONFIG-TRUST-UNREADABLE": (
        "From `closebook verify`, option `--trust`: give a PEM certificate."
    ),
    "CB-CONFIG-TWO-PLATFORMS": (
        "The connections lead to two platforms, or to two databases of one: make them agree."
    ),
    "CB-CONFIG-UNKNOWN-TIME-ZONE": "The error also occurs when the machine has no time zone data.",
    "CB-CONFIG-VALIDATOR-FAILED": ("Run the command by hand, on the file of any statement."),
    "CB-CONFIG-VALIDATOR-NOT-RUN": (
        "The program must be on every worker, and end within two minutes."
    ),
    "CB-CONFIG-VALIDATOR-UNREADABLE": ("See [Settings](settings.md#variables)."),
    "CB-CONFIG-VIEW-BROKEN": "A view, or a function that it uses, was dropped or renamed.",
}

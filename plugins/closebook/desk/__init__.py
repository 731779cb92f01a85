"""The finance desk: the pages that Airflow serves below /closebook.

How to add a page:

1. Write a module in ``routes`` with a ``desk_router`` for the lane in which its functions run, and
   a template in ``templates/desk``.
2. Add the router to ``app.ROUTERS``.
3. Add one row to ``permissions.ROUTES`` for each route of the router.
4. Add a row to ``permissions.NAVIGATION`` if the page belongs in the navigation.

Which module may import which (``a → b``: a may import b, and what b may import):

- app → auth_middleware, routes
- auth_middleware → desk_route, client_limits, current_user
- auth_manager, which Airflow's API server runs → trusted_proxies, log_in_limits, passwords
- routes → the other modules of the desk, except app and auth_middleware
- desk_route → downloads → capacity
- templating, audit_log, csrf, search → current_user → permissions, auth_manager
"""

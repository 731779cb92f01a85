"""The finance desk: the pages that Airflow serves below /closebook.

A page is a module with a ``router``, one row in ``access.ROUTES`` for each of its routes, its
router in ``app.PAGES`` and, to be in the navigation, a row in ``access.NAVIGATION``. Imports point
one way: app → gate → people → access, and app → the pages → pages, forms, people → access.
"""

"""The only package that imports WeasyPrint.

It also holds all knowledge of WeasyPrint's private parts. Each private part has a test of its own
in tests/statements/test_weasyprint_contract*.py.
"""

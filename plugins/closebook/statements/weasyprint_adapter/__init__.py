"""The only package that touches WeasyPrint's insides."""

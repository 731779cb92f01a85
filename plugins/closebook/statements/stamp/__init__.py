"""The second renderer: it compiles a layout from pages of the first one, and puts texts into it.

docs/architecture.md (Two renderers) explains slot, probe, furniture, anchor, class and shape.
"""

"""From a statement to its PDF: Jinja2 writes the page, WeasyPrint sets it, nothing is fetched."""

import gc
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from closebook.errors import Misconfigured, WrongData
from closebook.money import format_minor, locale_of
from closebook.statements.chart import daily_balances, draw
from closebook.statements.model import Statement

if TYPE_CHECKING:
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

TEMPLATE_VERSION = "v1"

"""Every dialect's form by its name."""

from collections.abc import Mapping

from tollway.dialects.forms import Form
from tollway.fleet.objects import Dialect

FORMS: Mapping[Dialect, Form] = {}

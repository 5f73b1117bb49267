"""The schema and the reference page tell what the parser reads."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from tollway.fleet.reference import json_schema, markdown

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "fleet-file.md"


def test_the_reference_page_is_current() -> None:
    mend = "run: tollway fleet schema --markdown > docs/reference/fleet-file.md"
    assert PAGE.read_text(encoding="utf-8") == markdown(), mend


def test_every_key_of_every_table_has_a_title_and_a_meaning() -> None:
    schema = json_schema()
    tables: dict[str, Any] = {"": schema, **schema["$defs"]}
    for name, table in tables.items():
        assert table["additionalProperties"] is False
        assert table["description"]
        for key, value in table["properties"].items():
            assert value.get("description"), (name, key)
            assert value.get("title"), (name, key)
            assert "null" not in str(value)


def test_importing_the_fleet_objects_does_not_import_pydantic() -> None:
    code = (
        "import sys, tollway.fleet.objects, tollway.fleet.prices; print('pydantic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

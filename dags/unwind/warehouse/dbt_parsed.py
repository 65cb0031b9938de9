"""dbt's command line over the parsed project that a refresh has kept, which saves dbt seconds:
`python -m unwind.warehouse.dbt_parsed ls`.

Where none is kept, and for a command that needs a parse of its own, dbt parses.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from unwind.warehouse import parsed_project
from unwind.warehouse.dbt import DBT_PROJECT


def main(arguments: Sequence[str]) -> None:
    """Ends the process with dbt's exit code."""
    from dbt.cli.main import cli

    manifest = parsed_project.read(DBT_PROJECT) if parsed_project.serves(arguments) else None
    cli(list(arguments), obj={"manifest": manifest, "callbacks": []})


if __name__ == "__main__":
    main(sys.argv[1:])

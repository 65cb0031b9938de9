"""dbt's command line over the parsed project that a refresh has kept, which saves dbt seconds:
`python -m unwind.warehouse.dbt_parsed ls`.

Where none is kept, and for a command that needs a parse of its own, dbt parses.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from unwind.warehouse import parsed_project
from unwind.warehouse.dbt import DBT_PROJECT

# With other variables, or for another target, the project is another one.
OWN_PARSE = ("parse", "retry", "--vars", "--profile", "--target", "-t", "--no-partial-parse")


def main(arguments: Sequence[str]) -> None:
    """Ends the process with dbt's exit code."""
    from dbt.cli.main import cli

    own = any(one.partition("=")[0] in OWN_PARSE for one in arguments)
    manifest = None if own else parsed_project.read(DBT_PROJECT)
    cli(list(arguments), obj={"manifest": manifest, "callbacks": []})


if __name__ == "__main__":
    main(sys.argv[1:])

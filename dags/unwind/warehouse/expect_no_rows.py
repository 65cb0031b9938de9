"""The one kind of expectation that the gates have: a query that finds no row.

Great Expectations' own runs its query twice, once for rows and once for their count.
"""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.expectations.core.unexpected_rows_expectation import (
    UnexpectedRowsExpectation,
)

COUNT = "unexpected_rows_query.row_count"


class ExpectNoRows(UnexpectedRowsExpectation):
    """Passes where `unexpected_rows_query` counts no row; suites know it as `expect_no_rows`."""

    metric_dependencies: ClassVar[tuple[str, ...]] = (COUNT,)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        return {"success": metrics[COUNT] == 0, "result": {"observed_value": metrics[COUNT]}}

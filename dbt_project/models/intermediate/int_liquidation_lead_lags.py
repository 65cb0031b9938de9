"""How the venues of the hours being built lead each other, second by second.

Nothing is imported where no two venues have enough seconds with a liquidation.
"""


def model(dbt, session):
    """The rows of the hours being built, as a relation of the session's."""
    seconds = dbt.ref("int_liquidation_seconds")
    from unwind.warehouse.lead_lags import lead_lags_of_hours

    return lead_lags_of_hours(session, seconds)

"""Chances of an event by stress score, lagged liquidations and all components, fitted day by day.

NumPy is imported where a day has ended.
"""


def model(dbt, session):
    """The fits of the days being built, as a relation of the session's."""
    trail = dbt.ref("int_stress_fit_trail")
    from unwind.warehouse.stress_fits import stress_fits

    return stress_fits(session, trail)

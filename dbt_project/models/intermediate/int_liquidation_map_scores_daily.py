"""The trailing grades of the liquidation map and the mix of leverage fitted so far, day by day.

NumPy is imported where a day has ended.
"""


def model(dbt, session):
    """The rows of the days being built, as a relation of the session's."""
    trail = dbt.ref("int_liquidation_map_trail")
    mix = dbt.ref("leverage_mix")
    from unwind.warehouse.map_scores import map_scores

    return map_scores(session, trail, mix)

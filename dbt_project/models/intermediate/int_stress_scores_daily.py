"""The trailing record of the stress score, its components, baselines and placebos, day by day.

NumPy is imported where a day has ended.
"""


def model(dbt, session):
    """The rows of the days being built, as a relation of the session's."""
    trail = dbt.ref("int_stress_score_trail")
    fits = dbt.ref("int_stress_fits_daily")
    from unwind.warehouse.stress_scores import stress_scores

    return stress_scores(session, trail, fits)

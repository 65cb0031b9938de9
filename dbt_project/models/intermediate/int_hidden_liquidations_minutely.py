"""The moments of int_hidden_liquidations_hourly, handed out to the minutes of the events.

Nothing is imported where every venue of the hours publishes all.
"""


def model(dbt, session):
    """The rows of the hours being built, as a relation of the session's."""
    published = dbt.ref("int_partly_published_liquidations")
    gaps = dbt.ref("int_stream_gaps")
    from unwind.warehouse.hidden_liquidations import hidden_minutely

    return hidden_minutely(session, published, gaps)

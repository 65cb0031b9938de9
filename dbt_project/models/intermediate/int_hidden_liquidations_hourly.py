"""The moments of what venues published and did not publish, which sums and intervals are made of.

Nothing is imported where every venue of the hours publishes all.
"""


def model(dbt, session):
    """The rows of the hours being built, as a relation of the session's."""
    published = dbt.ref("int_partly_published_liquidations")
    gaps = dbt.ref("int_stream_gaps")
    from unwind.warehouse.hidden_liquidations import hidden_hourly

    return hidden_hourly(session, published, gaps)

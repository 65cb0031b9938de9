"""Hawkes processes fitted to the episodes that closed in the hours being built.

Nothing is imported where none of them has enough events.
"""


def model(dbt, session):
    """One row per fitted episode, as a relation of the session's."""
    events = dbt.ref("int_liquidation_episode_events")
    from unwind.warehouse.episode_fits import episode_fits

    return episode_fits(session, events)

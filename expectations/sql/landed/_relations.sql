-- What the landed gate checks, from the attached staging file, over the batches being built.
-- Every relation is small: one row per part (batch and venue), outcome, or column.

create table gate.building as
select
    batches.batch_id,
    batches.kind,
    batches.sealed_at,
    batches.covers_from_at,
    batches.covers_to_at,
from staging.ops.batches as batches
where batches.batch_id in (select batch_id from staging.ops.build_batches)
qualify row_number() over (partition by batches.batch_id order by batches.revision desc) = 1;

-- One row per batch, venue and dataset: the outcome of its landing, in the revision being built.
create table gate.landed_coverage as
select
    outcomes.batch_id,
    outcomes.venue,
    outcomes.dataset,
    outcomes.status,
    outcomes.detail,
    outcomes.lines,
from staging.ops.batch_outcomes as outcomes
where outcomes.batch_id in (select batch_id from staging.ops.build_batches)
qualify outcomes.revision = max(outcomes.revision) over (partition by outcomes.batch_id);

-- One row per batch and venue: the profile of its staged liquidation rows. `gate.staged` is
-- int_liquidations_unioned with every column that the schema suite expects.
create table gate.landed_parts as
with

limits as (

    select * from gate.limits

),

-- A page of a quiet market reaches back as far as its last rows: dYdX's, for months. Where the newest
-- row is of now, unit and time zone are right.
newest as (

    select
        batch_id,
        venue,
        parser,
        max(event_at) as event_at,
    from gate.staged
    where line_class = 'row'
    group by all

),

staged as (

    select
        staged.*,
        building.kind,
        building.covers_from_at,
        greatest(building.covers_to_at, building.sealed_at) as covered_until_at,
        staged.line_class = 'row' as is_row,
        -- Staging clears an event time that is implausible; it still indicates a wrong clock or unit.
        coalesce(staged.reject_reason = 'implausible_event_time', false) as is_implausible,
        staged.line_class = 'row' and staged.reject_reason is null as is_accepted,
        staged.line_class = 'row'
            and building.kind != 'import'
            and staged.source_kind = 'stream'
            and staged.received_at is not null
            and (staged.event_at is not null or is_implausible) as is_clocked,
        newest.event_at as newest_event_at,
    from gate.staged as staged
    inner join gate.building as building
        on staged.batch_id = building.batch_id
    left join newest
        on staged.batch_id = newest.batch_id
        and staged.venue is not distinct from newest.venue
        and staged.parser is not distinct from newest.parser

),

profiled as (

    select
        batch_id,
        venue,
        count(*) as line_count,
        count(*) filter (where is_row) as row_count,
        count(*) filter (where is_row and reject_reason is not null) as rejected_count,
        mode(reject_reason) filter (where is_row) as commonest_reject_reason,
        count(*) filter (where is_clocked) as clocked_count,
        count(*) filter (
            where is_clocked and (
                is_implausible
                or event_at > received_at + to_minutes(limits.clock_ahead_minutes)
                or event_at < received_at - to_hours(limits.clock_behind_hours)
            )
        ) as skewed_count,
        median(date_diff('second', event_at, received_at)) filter (where is_clocked)
            as median_lag_seconds,
        count(*) filter (
            where is_accepted and (
                liquidated_side is null or liquidated_side not in ('long', 'short', 'unknown')
            )
        ) as unknown_side_word_count,
        count(*) filter (
            where is_accepted and (
                event_kind is null or event_kind not in (
                    'liquidation', 'backstop', 'deleveraging', 'adl', 'vault_unwind', 'assignment',
                    'termination', 'bankruptcy_settlement'
                )
            )
        ) as unknown_kind_word_count,
        count(*) filter (
            where is_accepted and (
                instrument is null
                or raw_object is null
                or raw_line is null
                or event_at is null
                or hour_at is distinct from date_trunc('hour', event_at)
            )
        ) as keyless_count,
        count(*) filter (
            where line_class is null
                or line_class not in ('row', 'header', 'log_line', 'other')
        ) as unclassed_count,
        count(*) filter (
            where is_row
                and covers_from_at is not null
                and (event_at is not null or is_implausible)
        ) as dated_count,
        count(*) filter (
            where is_row and covers_from_at is not null and (
                is_implausible
                or event_at < covers_from_at - to_hours(limits.span_back_hours)
                or event_at > covered_until_at + to_minutes(limits.clock_ahead_minutes)
            )
        ) as outside_span_count,
        count(*) filter (
            where is_row and covers_from_at is not null and (
                is_implausible
                or newest_event_at < covers_from_at - to_hours(limits.span_back_critical_hours)
                or event_at > covered_until_at + to_minutes(limits.clock_ahead_minutes)
            )
        ) as far_outside_span_count,
        min(event_at) filter (where is_row) as first_event_at,
        max(event_at) filter (where is_row) as last_event_at,
    from staged
    cross join limits
    group by all

),

landed as (

    select
        batch_id,
        venue,
        coalesce(
            sum(lines) filter (where status = 'ok' and dataset in ('liquidations', 'mixed')), 0
        )::bigint as landed_lines,
    from gate.landed_coverage
    group by all

)

select
    batch_id,
    venue,
    building.kind,
    coalesce(landed.landed_lines, 0) as landed_lines,
    coalesce(profiled.line_count, 0) as line_count,
    coalesce(profiled.row_count, 0) as row_count,
    coalesce(profiled.rejected_count, 0) as rejected_count,
    coalesce(profiled.rejected_count / nullif(profiled.row_count, 0), 0) as rejected_share,
    profiled.commonest_reject_reason,
    coalesce(profiled.clocked_count, 0) as clocked_count,
    coalesce(profiled.skewed_count, 0) as skewed_count,
    coalesce(profiled.skewed_count / nullif(profiled.clocked_count, 0), 0) as skewed_share,
    profiled.median_lag_seconds,
    coalesce(profiled.unknown_side_word_count, 0) as unknown_side_word_count,
    coalesce(profiled.unknown_kind_word_count, 0) as unknown_kind_word_count,
    coalesce(profiled.keyless_count, 0) as keyless_count,
    coalesce(profiled.unclassed_count, 0) as unclassed_count,
    coalesce(profiled.dated_count, 0) as dated_count,
    coalesce(profiled.outside_span_count, 0) as outside_span_count,
    coalesce(profiled.outside_span_count / nullif(profiled.dated_count, 0), 0)
        as outside_span_share,
    coalesce(profiled.far_outside_span_count, 0) as far_outside_span_count,
    coalesce(profiled.far_outside_span_count / nullif(profiled.dated_count, 0), 0)
        as far_outside_span_share,
    profiled.first_event_at,
    profiled.last_event_at,
from profiled
full outer join landed using (batch_id, venue)
inner join gate.building as building using (batch_id);

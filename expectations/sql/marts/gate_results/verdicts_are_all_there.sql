-- Every run in it has all of its verdicts.
-- why: A missing verdict looks like an expectation that was never evaluated.
-- failure: {unexpected_count} runs have a different number of verdicts in gate_results than the
--   gates gave, the first {example}
with

given as (

    select
        run_id,
        count(*) as verdicts_given
    from staging.ops.gate_results
    group by run_id

),

published as (

    select
        run_id,
        count(*) as verdicts_published
    from {batch}
    group by run_id

)

select
    published.run_id,
    published.verdicts_published,
    given.verdicts_given
from published
inner join given
    on published.run_id = given.run_id
where published.verdicts_published != given.verdicts_given

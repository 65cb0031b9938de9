-- Every base_asset of every mart is in dim_assets; in liquidation facts and totals, assets that
-- only events name are allowed too (is_listed false).
-- why: An asset in no listing and no seed is a wrong symbol, and displaces the right one.
-- failure: {unexpected_count} assets of marts are in no listing and no seed, the first {example}
-- action: find where the mart takes its asset from; only listings and the seed of assets name
--   assets
select
    named.mart,
    named.base_asset
from gate.named_assets as named
anti join {batch} as known on named.base_asset = known.base_asset
where
    not (
        named.is_of_events and named.base_asset in (
            select base_asset from warehouse.marts.fct_liquidations
            where not is_listed
        )
    )
order by all

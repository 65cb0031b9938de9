"""Bitfinex: AMOUNT signs the position; of a trigger and its match, the trigger counts."""

from tests.venues.cases import Liquidation, Message, Observation, VenueCases

RECORDED = "tardis-node's tests"
DOCS = "https://docs.bitfinex.com/reference/rest-public-liquidations"
API = "https://api-pub.bitfinex.com/v2"
TRIGGER = ["pos", 143679087, 1594036710534, None, "tETHF0:USTF0", -8.6007, 222.248906484356]
MATCH = ["pos", 143679087, 1594036710543, None, "tETHF0:USTF0", -4.56671421, 222.248906484356]

CASES = VenueCases(
    venue="bitfinex",
    long=Message(
        "an amount above zero was a long, valued at its entry price",
        DOCS,
        [7, [["pos", 1, 1594036710534, None, "tBTCF0:USTF0", 0.5, 9000, None, 0, 1, None, None]]],
        (
            Liquidation(
                *("tBTCF0:USTF0", "BTC", "long", "0.5", "9000", "4500"),
                *("2020-07-06 11:58:30.534", "entry"),
            ),
        ),
    ),
    short=Message(
        "the recorded trigger and its match are one event",
        RECORDED,
        [
            7,
            [[*TRIGGER, None, 0, 1, None, None], [*MATCH, None, 1, 1, None, 235.52]],
        ],
        (
            Liquidation(
                *("tETHF0:USTF0", "ETH", "short", "8.6007", "222.248906484356", "1911.4962"),
                *("2020-07-06 11:58:30.534", "entry"),
            ),
        ),
    ),
    non_events=(
        Message("heartbeat", DOCS, [7, "hb"]),
        Message("version", DOCS, {"event": "info", "version": 2}),
        Message(
            "acknowledgement",
            DOCS,
            {"event": "subscribed", "channel": "status", "chanId": 7, "key": "liq:global"},
        ),
        Message(
            "margin on a spot pair",
            DOCS,
            [7, [["pos", 2, 1594036710534, None, "tBTCUSD", 0.5, 9000, None, 0, 1, None, None]]],
        ),
        Message("an hour without any", DOCS, [], url=f"{API}/liquidations/hist"),
    ),
    row_at=(1, 0),
    required=(1, 2, 4, 5, 6, 8),
    others=(
        Message(
            "the recorded trigger with the price it was acquired at, by REST",
            RECORDED,
            [
                [
                    [
                        *("pos", 143683674, 1593522802742, None, "tBTCF0:USTF0", 0.00268657),
                        *(9135.972557016, None, 0, 1, None, 9080),
                    ]
                ]
            ],
            (
                Liquidation(
                    *("tBTCF0:USTF0", "BTC", "long", "0.00268657", "9080", "24.3941"),
                    *("2020-06-30 13:13:22.742", "fill_avg"),
                ),
            ),
            url=f"{API}/liquidations/hist",
        ),
    ),
    context=(
        Observation(
            "places of the status row",
            "https://docs.bitfinex.com/reference/rest-public-derivatives-status",
            f"{API}/status/deriv",
            [
                [
                    *("tSOLF0:USTF0", 1782820800000, None, 150.1, 150.2, None, 1e6, None),
                    *(1782835200000, 0, 0, None, 0.00012, None, None, 150.3, None, None, 5000),
                ]
            ],
            "fct_open_interest",
            {
                **{"instrument": "tSOLF0:USTF0", "observed_at": "2026-06-30 12:00:00"},
                **{"oi_base": 5000, "oi_usd": 751500},
            },
        ),
    ),
)

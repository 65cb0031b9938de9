"""Mutations of a record: of its structure, its values, its text and its bytes.

All randomness comes from the given source, so the same seed gives the same mutants.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any

Path = tuple[str | int, ...]

# Payloads that template engines, SQL, shells or file systems would act on. Once one is evaluated,
# the product 191 * 7 or the marker file appears.
EVALUATED = "1337"
MARKER = "unwind-fuzz-was-here"
CODE = (
    "{{ 191 * 7 }}",
    "{% set x = 191 * 7 %}{{ x }}",
    "{{ var('venues') }}",
    "{{ run_query(\"copy (select 1) to '" + MARKER + "'\") }}",
    "'; drop table marts.fct_liquidations; --",
    "' || (191 * 7) || '",
    f"'); copy (select 1) to '{MARKER}'; --",
    "$(touch " + MARKER + ")",
    f"../../../../{MARKER}",
    "/etc/passwd",
    "[link=file:///etc/passwd]x[/link]",
    "\x1b[31mred",
)
TEXTS = (
    *("", " ", "n/a", "null", "NaN", "-nan", "Infinity", "-Infinity", "inf", "true", "long", "-"),
    *(
        "1,000",
        "1.5.2",
        "1e400",
        "-1e400",
        "1e-400",
        "0x10",
        "1_000",
        "٣",
        "\uff11\uff12",
        "½",
        "--1",
        "+1",
    ),
    *(
        "é" * 40,
        "\u202ebtc",
        "🚀" * 10,
        "\u0000",
        "a\u0000b",
        "\ud800",
        "\udfff",
        "\ufeff",
        "\u2028",
    ),
    *("BTC-USDT", "USDT", "0" * 60, "9" * 60, "0." + "0" * 50 + "1", "x" * 5_000, '"', "\\", "'"),
    *("2026-13-45", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "infinity", "-infinity"),
    *("294247-01-10 04:00:54.775807", "2026-06-30T08:00:00+99:99", "epoch", "now", "today"),
    # The first and the last hour in the accepted range of times; no event time may reach them.
    *("2000-01-01T00:00:00Z", "2099-12-31T23:30:00Z"),
    *("999999999h", "2147483647d", "0m", "-5m", "99999999999999999999h"),
)
# The bounds of every numeric type in use, and of the limits of the screens.
NUMBERS = (
    *(0, 1, -1, 2, 10, 127, 128, 255, 256, 32767, 32768, 2**31 - 1, 2**31, -(2**31) - 1, 2**32),
    *(2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64 - 1, 2**64, 2**127, 2**128),
    *(9_200_000_000_000_000, 9_223_372_036_854_775, 9_223_372_036_854_776, 4102444799999),
    *(
        946684800000,
        253402300800000,
        10**10,
        10**11,
        10**12,
        10**18,
        10**25,
        10**26,
        10**38,
        10**40,
    ),
    *(0.1, -0.0, 1e-12, 1e-13, 1e-18, 1e-30, 1e-308, 5e-324, 1e9, 1.0000001e9, 1e10, 1e10 + 0.0001),
    *(
        1e24,
        1.1e24,
        1e26,
        1e30,
        1e37,
        1e38,
        1e39,
        1e100,
        1e300,
        1.7976931348623157e308,
        0.5,
        1000.5,
    ),
)
STRUCTURES: tuple[Any, ...] = (
    *(None, True, False, [], {}, [None], [[]], {"": None}, [1, 2], ["a"], [[[[[[1]]]]]]),
    *({"a": {"b": {"c": []}}}, [{}] * 3, {"x": 1, "y": [None]}, [0] * 200),
)


def mutants(record: str, is_json: bool, separator: str, random: Random) -> Iterator[bytes]:
    """Endless mutants of a record, each one line without a newline."""
    while True:
        line = record
        if is_json and random.random() < 0.85:
            line = _mutated_envelope(line, random)
        elif not is_json and random.random() < 0.85:
            line = _mutated_row(line, separator, random)
        # A lone surrogate cannot be encoded as UTF-8; a broken writer leaves these bytes.
        payload = line.encode("utf-8", "surrogatepass")
        if random.random() < 0.12:
            payload = _mutated_bytes(payload, random)
        yield payload.replace(b"\n", b" ").replace(b"\r", b" ")


def _mutated_envelope(line: str, random: Random) -> str:
    """Mutates mostly the venue's payload, sometimes the envelope, sometimes both."""
    envelope = json.loads(line)
    inner = next(
        (key for key in ("frame", "body") if isinstance(envelope, dict) and key in envelope), None
    )
    if inner and random.random() < 0.85:
        envelope[inner] = _mutated_text(envelope[inner], random)
        return _as_json(envelope, random)
    return _mutated_text(line, random)


def _mutated_text(text: str, random: Random) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return _mutated_characters(text, random)
    if random.random() < 0.08:
        return _mutated_characters(text, random)
    if random.random() < 0.3:
        return _as_json(_with_another_number(value, random), random)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        value = _mutated_value(value, random)
    return _as_json(value, random)


def _as_json(value: Any, random: Random) -> str:
    try:
        return json.dumps(value, ensure_ascii=random.random() < 0.5)
    except (ValueError, RecursionError):
        return "[" * 600


def _paths(value: Any, here: Path = ()) -> Iterator[Path]:
    yield here
    if len(here) > 30:
        return
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _paths(one, (*here, key))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _paths(one, (*here, place))


def _mutated_value(value: Any, random: Random) -> Any:
    """The value with one place in it replaced, dropped, repeated, moved or wrapped."""
    # Every place is equally likely, whether a leaf or a container.
    places = list(_paths(value))
    path = random.choice(places)
    if not path:
        return random.choice((_structure(random), [value], {"data": value}, _leaf(value, random)))
    parent, key = _at(value, path[:-1]), path[-1]
    old = parent[key]
    kind = random.random()
    if kind < 0.62:
        parent[key] = _leaf(old, random)
    elif kind < 0.74:
        del parent[key]
    elif kind < 0.80:
        parent[key] = _structure(random)
    elif kind < 0.86:
        parent[key] = random.choice(([old], {"value": old}, [old, deepcopy(old)], [[old]]))
    elif kind < 0.92 and isinstance(parent, list):
        parent.extend(deepcopy(old) for _ in range(random.choice((1, 2, 20))))
    elif kind < 0.95 and isinstance(parent, dict):
        parent[random.choice(CODE)] = parent.pop(key)
    else:
        parent[key] = _deep(random.choice((10, 100, 200)))
    return value


def _with_another_number(value: Any, random: Random) -> Any:
    """The value with just one number changed: the kind of mutant that may be accepted."""
    places = [path for path in _paths(value) if path and _number(_at(value, path)) is not None]
    if places:
        path = random.choice(places)
        _at(value, path[:-1])[path[-1]] = _changed(_at(value, path), random)
    return value


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _structure(random: Random) -> Any:
    """A copy, since the record it is put into may be mutated further."""
    return deepcopy(random.choice(STRUCTURES))


def _deep(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def _leaf(old: Any, random: Random) -> Any:
    """A replacement for a leaf; a number stays a number half of the time."""
    if _number(old) is not None and random.random() < 0.5:
        return _changed(old, random)
    return random.choice(
        (
            *(random.choice(TEXTS), random.choice(CODE), random.choice(NUMBERS)),
            *(str(random.choice(NUMBERS)), _structure(random), str(old)),
        )
    )


def _changed(old: Any, random: Random) -> Any:
    """Another number, mostly in the notation of the old one."""
    number = _number(old)
    assert number is not None
    changed = random.choice(
        (
            *(number * 10.0 ** random.randint(-30, 30), -number, number + 1, number * 1.0001),
            *(number * 1000, number / 1000, random.choice(NUMBERS)),
        )
    )
    return str(changed) if isinstance(old, str) != (random.random() < 0.05) else changed


def _number(value: Any) -> float | int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    # Epoch times are left alone: a plausible time must stay within the hours of the seeds.
    return None if 1e9 < abs(number) < 1e17 else number


def _mutated_characters(text: str, random: Random) -> str:
    place = random.randrange(len(text) + 1)
    return random.choice(
        (
            *(text[:place], text[place:], text[:place] + random.choice(TEXTS) + text[place:]),
            *(text[:place] + random.choice(CODE) + text[place:], text + text, "", "<html>", "null"),
            *(text.replace('"', "'"), text.replace(":", ","), text[:-1] + ',"x":NaN}', text + "]"),
            *("[" * 3_000, "{" * 50, '{"a":' * 1_500 + "1" + "}" * 1_500, text.upper()),
        )
    )


def _mutated_row(row: str, separator: str, random: Random) -> str:
    fields = row.split(separator)
    for _ in range(random.choice((1, 1, 2, 4))):
        place = random.randrange(len(fields))
        change = random.random()
        if change < 0.8:
            fields[place] = str(_leaf(fields[place], random))
        elif change < 0.85 and len(fields) > 1:
            del fields[place]
        elif change < 0.9:
            fields.insert(place, fields[place])
        elif change < 0.95:
            fields[place] = f'"{fields[place]}'
        else:
            fields[place] = f'"{fields[place]}{separator} ""x"" "'
    return separator.join(fields)


BYTES: tuple[Callable[[bytes, int], bytes], ...] = (
    lambda line, place: line[:place] + b"\xff\xfe" + line[place:],
    lambda line, place: line[:place] + b"\x00" + line[place:],
    lambda line, place: line[:place] + b"\xed\xa0\x80" + line[place:],
    lambda line, place: line[:place] + b"\xc3" + line[place:],
    lambda line, place: line[:place] + b"\xf4\x90\x80\x80" + line[place:],
    lambda line, place: line[:place],
    lambda line, place: line[:place] + bytes(range(1, 32)) + line[place:],
    lambda line, place: line + b"\x85",
)


def _mutated_bytes(line: bytes, random: Random) -> bytes:
    return random.choice(BYTES)(line, random.randrange(len(line) + 1))

"""How often the intervals of estimates cover the truth, for docs/coverage.md.

    make calibration

Generates complete tapes of each class, thins them by each rule and estimates them from the rest,
until a thousand symbol-hours of each are estimated. Writes the seed interval_measures.csv, the
figure docs/coverage.svg, and the table between the page's markers.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from html import escape

from unwind.estimates.calibration import Measure, measures
from unwind.estimates.tapes import CLASSES, RULES
from unwind.settings import PROJECT_ROOT

# Enough for a thousand estimated hours of each class, although a quarter of one class is saturated.
HOURS = 1100
HOURS_OF = {"nearly saturated": 1400}
SEED_FILE = PROJECT_ROOT / "dbt_project" / "seeds" / "interval_measures.csv"
PAGE = PROJECT_ROOT / "docs" / "coverage.md"
PICTURE = PROJECT_ROOT / "docs" / "coverage.svg"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
NAMES = ("latest", "largest", "largest per side", "latest, from order", "largest, from order")
SHORT = dict(zip(RULES, NAMES, strict=True))
COLORS = dict(zip(RULES, ("#1b6ca8", "#c8553d", "#6a994e", "#7b4fa3", "#d19a1f"), strict=True))
GOOD = (0.85, 0.96)
# Shares of fewer hours are not printed.
MIN_PRINTED = 50


def all_measures() -> list[Measure]:
    found: list[Measure] = []
    for made in CLASSES:
        found += measures(HOURS_OF.get(made.name, HOURS), (made,))
    return found


def write_seed(found: Iterable[Measure]) -> None:
    with SEED_FILE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Measure._fields)
        for one in found:
            writer.writerow([cell(value) for value in one])


def cell(value: str | bool | int | float) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4f}"
    return str(value)


def table(found: list[Measure]) -> str:
    """One line per class and rule: intervals of hours, sums and shares."""
    lines = [
        "| tapes | rule | hours | USD held | events held | few hidden: USD held | bias USD"
        " | bias events | width / oracle | sums held | shares held |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    by_part = {(one.tape_class, one.publication_rule, one.part): one for one in found}
    for made in CLASSES:
        for rule in RULES:
            key = made.name, rule
            hours, few = by_part[*key, "all"], by_part.get((*key, "few hidden"))
            more = by_part.get((*key, "more hidden"), hours)
            sums, shares = by_part[*key, "sums"], by_part[*key, "shares"]
            weak = " (weak spot)" if hours.is_weak_spot else ""
            cells = [
                f"{made.name}{weak}",
                SHORT[rule],
                f"{hours.figures:,}",
                percent(hours.usd_hit_share),
                percent(hours.events_hit_share),
                of_few(few, hours) if few and few.figures >= MIN_PRINTED else "",
                f"{100 * hours.usd_bias_share:+.1f}%",
                f"{100 * hours.events_bias_share:+.1f}%",
                f"{more.usd_width_over_oracle:.2f}",
                percent(sums.usd_hit_share),
                percent(shares.usd_hit_share),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def of_few(few: Measure, hours: Measure) -> str:
    weak = " (weak spot)" if few.is_weak_spot and not hours.is_weak_spot else ""
    return f"{percent(few.usd_hit_share)}{weak}"


def percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def picture(found: list[Measure]) -> str:
    """Dots by class and rule on a scale of 40 to 100% of hours, with the target range shaded."""
    left, right, line = 230, 760, 26
    height = line * (len(CLASSES) + 3)

    def x(share: float) -> float:
        return left + (right - left) * (max(share, 0.4) - 0.4) / 0.6

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 {height}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<rect x="{x(GOOD[0]):.1f}" y="{line}" width="{x(GOOD[1]) - x(GOOD[0]):.1f}"'
        f' height="{line * len(CLASSES)}" fill="#eef3e2"/>',
        '<text x="10" y="16">Symbol-hours whose 90% interval of USD holds the truth</text>',
    ]
    for tick in (40, 50, 60, 70, 80, 90, 100):
        at = x(tick / 100)
        bottom = line * (len(CLASSES) + 1)
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{line}" y2="{bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{tick}%</text>')
    for number, made in enumerate(CLASSES):
        y = line * (number + 1.5)
        parts.append(f'<text x="10" y="{y + 4}">{escape(made.name)}</text>')
        for one in found:
            if one.tape_class == made.name and one.part == "all":
                at, color = x(one.usd_hit_share), COLORS[one.publication_rule]
                fill = "white" if one.is_weak_spot else color
                parts.append(
                    f'<circle cx="{at:.1f}" cy="{y}" r="5" stroke="{color}" fill="{fill}"'
                    ' stroke-width="2" fill-opacity="0.8"/>'
                )
    for number, rule in enumerate(RULES):
        at, y = 150 + 128 * number, line * (len(CLASSES) + 2.4)
        parts.append(f'<circle cx="{at}" cy="{y}" r="5" fill="{COLORS[rule]}"/>')
        parts.append(f'<text x="{at + 10}" y="{y + 4}">{SHORT[rule]}</text>')
    parts.append(f'<text x="10" y="{line * (len(CLASSES) + 2.4) + 4}">hollow: a weak spot</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    found = all_measures()
    write_seed(found)
    PICTURE.write_text(picture(found))
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(found)}\n\n{END}{after}")


if __name__ == "__main__":
    main()

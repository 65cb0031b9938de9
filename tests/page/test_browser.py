"""The page in a headless Chromium: it loads nothing, is quick, accessible, and obeys its reader."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.page.browser import Browser, browser
from tests.page.made_up import FACTS, NASTY, NASTY_ASSET, RICH, SMALL, publish
from unwind.page.writing import write_page
from unwind.settings import Home

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
PHONE, DESKTOP = 390, 1440
# Once the page's file is read: what readers wait for before they see anything.
FIRST_PAINT_MS = 1500
WRITTEN_WITHIN_S = 3


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The addresses of the pages of made-up releases; of the demo's too, where it is published."""
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "rich": RICH,
        "small": SMALL,
        "nasty": NASTY,
        "empty": f"{FACTS}; update release set last_hour_at = null",
    }
    for name, statements in made.items():
        publish(Home(folder / name), statements)
    found = {name: write_page(Home(folder / name)).as_uri() for name in made}
    home = Home.from_env()
    if home.is_simulated and (home.current / "warehouse.duckdb").is_file():
        started = time.monotonic()
        found["demo"] = write_page(home, output=folder / "demo.html").as_uri()
        assert time.monotonic() - started < WRITTEN_WITHIN_S
    return found


def drawn(tab: Browser, address: str, width: int = DESKTOP, **reader: str) -> None:
    tab.show(width, **reader)
    tab.open(address)
    tab.wait_until_drawn()


def violations(tab: Browser) -> list[Any]:
    """What axe-core calls serious or critical, with the elements."""
    tab.run(f"{AXE}; 0")
    found = tab.run(
        "axe.run(document, {resultTypes: ['violations']}).then(({violations}) => JSON.stringify("
        "violations.filter(one => ['serious', 'critical'].includes(one.impact))"
        ".map(one => [one.id, one.nodes.map(node => node.html.slice(0, 200))])))",
        is_async=True,
    )
    return list(json.loads(found))


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("rich", DESKTOP, "light"),
        ("small", DESKTOP, "light"),
        ("small", PHONE, "dark"),
        ("nasty", PHONE, "light"),
        ("empty", DESKTOP, "dark"),
        ("demo", DESKTOP, "dark"),
        ("demo", PHONE, "light"),
    ],
)
def test_the_page_holds(
    tab: Browser, pages: dict[str, str], name: str, width: int, scheme: str
) -> None:
    if name not in pages:
        # As in test_docs: only where a demo is published is there one to look at.
        return
    drawn(tab, pages[name], width, scheme=scheme)
    assert tab.requests == [pages[name]]
    assert tab.problems == []
    tab.wait("performance.getEntriesByName('first-contentful-paint').length")
    paint = tab.run("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert paint < FIRST_PAINT_MS
    # Nothing is wider than the window, but for tables within their frames.
    assert tab.run("document.documentElement.scrollWidth") <= width
    if name in {"rich", "demo"}:
        # Its tables are large; those of the others have the same elements.
        return
    tab.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert violations(tab) == []
    assert tab.problems == []


def test_charts_draw_the_tables_rows(tab: Browser, pages: dict[str, str]) -> None:
    drawn(tab, pages["rich"])
    of_chart = (
        "echarts.getInstanceByDom(document.querySelector('[data-figure=%s] .chart')).getOption()"
    )
    # 48 hours, the one five hours before the newest without a row; the newest has the largest back.
    longs = tab.run(f"{of_chart % 'long_short'}.series[1].data")
    assert longs == [None if back == 5 else 1000000.5 * (back + 1) for back in range(47, -1, -1)]
    shorts = tab.run(f"{of_chart % 'long_short'}.series[3].data")
    assert shorts[-1] == -30000.25
    # 2 million dollars of hyperliquid, 0.7 of binance, 0.3 of bybit, from the bottom up.
    assert tab.run(f"{of_chart % 'breakdown'}.series[0].data") == [300000, 700000, 2000000]
    assert tab.run(f"{of_chart % 'breakdown'}.yAxis[0].data") == [
        "bybit",
        "≥ binance",
        "hyperliquid",
    ]
    # The comparable line first; the sum of all that reported jumps when a venue comes or goes.
    lines = tab.run(f"{of_chart % 'open_interest'}.series.map((one) => [one.name, one.data[47]])")
    assert lines == [["Same venues", 2.4e10], ["All that reported", 2.5e10]]
    # Components by their names for readers, from the bottom up; the second one has no points.
    assert tab.run(f"{of_chart % 'components'}.yAxis[0].data") == [
        "open interest to market cap (not known)",
        "liquidations of 24 h to open interest",
    ]
    names = tab.run(f"{of_chart % 'market'}.series[0].data.map((tier) => tier.name)")
    assert names == ["large", "mid", "stablecoins"]
    shown = tab.run("[...document.querySelectorAll('.chart:has(canvas)')].length")
    assert shown == tab.run("document.querySelectorAll('.chart').length") == 13


def test_states_keep_their_letters_on_a_phone(tab: Browser, pages: dict[str, str]) -> None:
    drawn(tab, pages["rich"], PHONE)
    chart = "echarts.getInstanceByDom(document.querySelector('[data-figure=signals] .chart'))"
    # BTC: no warning until three hours before the end; which ranges narrow is not known in one.
    shown = tab.run(
        f"{chart}.getOption().series[0].data.filter((one) => one.value[1] === 1 && one.isFirst)"
        ".map((one) => [one.value[0], one.symbol])"
    )
    assert shown == [[0, "·"], [45, "R"]]


def test_readers_choose_an_asset_and_a_window(tab: Browser, pages: dict[str, str]) -> None:
    drawn(tab, pages["rich"])
    visible = (
        "[...document.querySelectorAll('%s')].filter((one) => one.checkVisibility())"
        ".map((one) => one.textContent)"
    )
    assert tab.run(visible % ".answer h2") == ["Longs dominated ALL liquidations."]
    tab.run(
        "(() => { const choice = document.getElementById('asset'); choice.value = 'ETH';"
        " choice.dispatchEvent(new Event('change')); })()"
    )
    tab.wait_until_drawn()
    assert tab.run(visible % ".answer h2") == ["Longs dominated ETH liquidations."]
    # ETH has no wave: the figure shows the first asset that has, and says so.
    assert tab.run("document.querySelector('#f-waves .of').textContent") == (
        "All assets, as ETH has none"
    )
    assert tab.run("document.querySelector('#f-stress .of').textContent") == "ETH"
    tab.run("[...document.querySelectorAll('#f-breakdown .options button')][3].click()")
    tab.wait_until_drawn()
    chart = "echarts.getInstanceByDom(document.querySelector('#f-breakdown .chart'))"
    data = tab.run(f"{chart}.getOption().series[0].data")
    # 24 times the hour's dollars.
    assert data == [7200000, 16800000, 48000000]
    assert tab.problems == []


def test_times_and_numbers_are_the_readers(tab: Browser, pages: dict[str, str]) -> None:
    kicker = "document.querySelector('.answer .kicker time').textContent"
    longs = "document.querySelector('.tiles .long .big data').textContent"
    tab.show(DESKTOP, zone="Asia/Kolkata")
    tab.call("Emulation.setLocaleOverride", locale="de-DE")
    try:
        tab.open(pages["rich"])
        tab.wait_until_drawn()
        assert tab.run(kicker) == "29. Jan. 2026, 15:00 UTC"
        assert tab.run(longs).replace("\u00a0", " ") == "230,4 Mio. $"
        tab.run("document.getElementById('zone').click()")
        tab.wait_until_drawn()
        # Five and a half hours ahead.
        assert tab.run(kicker).startswith("29. Jan. 2026, 20:30")
        # Storage may be denied to a file; the choice holds for this page either way.
        assert tab.run("document.getElementById('zone').textContent") == "Times: Local"
        tab.run("document.getElementById('zone').click()")
    finally:
        tab.call("Emulation.setLocaleOverride")
        tab.show(DESKTOP)
    assert tab.problems == []


def test_the_theme_follows_the_system_and_the_reader(tab: Browser, pages: dict[str, str]) -> None:
    drawn(tab, pages["rich"], scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = tab.run(background)
    tab.run("document.getElementById('theme').click()")
    tab.wait_until_drawn()
    assert tab.run("document.documentElement.dataset.theme") == "light"
    assert tab.run(background) == "rgb(245, 246, 248)" != dark
    tab.run("document.getElementById('theme').click(); document.getElementById('theme').click()")
    assert tab.run(background) == dark


def test_the_page_is_used_by_keyboard(tab: Browser, pages: dict[str, str]) -> None:
    drawn(tab, pages["rich"])
    reached = []
    for _ in range(5):
        for kind in ("keyDown", "keyUp"):
            tab.call(
                "Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9
            )
        reached.append(
            tab.run(
                "(({id, className, textContent}) => id || className || textContent)"
                "(document.activeElement)"
            )
        )
    assert reached == ["skip", "asset", "zone", "theme", "Newest hour"]


def test_an_old_page_is_marked_by_the_readers_clock(tab: Browser, pages: dict[str, str]) -> None:
    drawn(tab, pages["rich"])
    note = tab.run(
        "(({hidden, textContent}) => [hidden, textContent])(document.getElementById('stale'))"
    )
    assert note[0] is False
    assert note[1].startswith("Stale. By your clock the newest hour ended ")
    # Where nothing has landed, nothing is stale.
    drawn(tab, pages["empty"])
    assert tab.run("document.getElementById('stale').hidden") is True


def test_tooltips_read_no_markup(tab: Browser, pages: dict[str, str]) -> None:
    drawn(tab, pages["nasty"])
    assert tab.run("document.getElementById('asset').value") == NASTY_ASSET
    middle = tab.run(
        "(() => { const chart = document.querySelector('#f-breakdown .chart');"
        " chart.scrollIntoView({block: 'center', behavior: 'instant'});"
        " const {x, y, width, height} = chart.getBoundingClientRect();"
        " return [x + width / 2, y + height / 2]; })()"
    )
    for step in range(100):
        tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=middle[0] + step, y=middle[1])
        if tab.run("document.querySelector('#f-breakdown .tip') !== null"):
            break
        time.sleep(0.05)
    assert (
        tab.run("document.querySelector('#f-breakdown .tip b').textContent")
        == "<img src=x onerror=alert(1)>"
    )
    assert tab.run("document.querySelectorAll('img').length") == 0
    assert (tab.requests, tab.problems) == ([pages["nasty"]], [])


def test_sentences_and_tables_need_no_script(tab: Browser, pages: dict[str, str]) -> None:
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.show(DESKTOP)
        tab.open(pages["rich"])
        shown = tab.run("document.body.innerText")
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)
    assert "Longs dominated BTC liquidations." in shown
    assert "≥ $230.4M" in shown
    assert "2026-01-29 15:00 UTC" in shown
    assert "Local" not in shown

"""Makes the pages of Great Expectations readable offline.

The pages fetch styles and scripts from several hosts, and one of the scripts fills the index:
offline it stays blank, and online those hosts learn who reads it. The pages keep their text and get
an inline style; the index is written here.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unwind.durable import atomic_write

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 75rem; }
table { border-collapse: collapse; margin: .5rem 0; }
td, th { border: 1px solid #ccc; padding: .25rem .6rem; text-align: left; vertical-align: top; }
.failed { color: #b00020; font-weight: bold; }
.modal, .navbar, .breadcrumb, button { display: none; }
pre, code { white-space: pre-wrap; overflow-wrap: anywhere; }
"""
_STYLE_TAG = f"<style>{STYLE}</style>"
_SCRIPTS = re.compile(r"<script\b.*?</script>", re.DOTALL | re.IGNORECASE)
_LINKS_AWAY = re.compile(r"<link\b[^>]*\bhref=[\"'](?:https?:)?//[^>]*>", re.IGNORECASE)
_IMAGES_AWAY = re.compile(r"<img\b[^>]*\bsrc=[\"'](?:https?:)?//[^>]*>", re.IGNORECASE)

_STYLES_AWAY = re.compile(r"url\([\"']?(?:https?:)?//[^)]*\)", re.IGNORECASE)


@dataclass(frozen=True)
class Verdict:
    """One suite's verdict in one run, with the page that shows it."""

    run: str
    suite: str
    success: bool
    evaluated: int
    failed: int
    page: Path


def make_readable_offline(site: Path, results: Path) -> Path:
    """Rewrites the pages of a site that need a network, and its index; returns the index.

    `results` is where the verdicts are kept that the pages show.
    """
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if _STYLE_TAG not in text:
            page.write_text(_on_its_own(text), encoding="utf-8")
    index = site / "index.html"
    with atomic_write(index) as beside:
        beside.write_text(_index(site, results), encoding="utf-8")
    return index


def _on_its_own(text: str) -> str:
    for away in (_SCRIPTS, _LINKS_AWAY, _IMAGES_AWAY):
        text = away.sub("", text)
    text = _STYLES_AWAY.sub("none", text)
    return text.replace("</head>", f"{_STYLE_TAG}</head>", 1)


def _index(site: Path, results: Path) -> str:
    verdicts = sorted(_verdicts(site, results), key=lambda one: (one.run, one.suite), reverse=True)
    rows = "".join(
        f"<tr><td>{html.escape(one.run)}</td><td>{_link(site, one.page, one.suite)}</td>"
        f"<td>{_outcome(one)}</td><td>{one.evaluated}</td></tr>"
        for one in verdicts
    )
    suites = "".join(
        f"<li>{_link(site, page, page.stem)}</li>"
        for page in sorted((site / "expectations").rglob("*.html"))
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Gates</title>'
        f"{_STYLE_TAG}</head><body><h1>Gates</h1><h2>Verdicts, newest run first</h2>"
        "<table><thead><tr><th>run</th><th>suite</th><th>verdict</th><th>expectations</th></tr>"
        f"</thead><tbody>{rows}</tbody></table><h2>What is expected</h2><ul>{suites}</ul>"
        "</body></html>\n"
    )


def _outcome(verdict: Verdict) -> str:
    if verdict.success:
        return "passed"
    return f'<span class="failed">{verdict.failed} failed</span>'


def _link(site: Path, page: Path, text: str) -> str:
    target = html.escape(page.relative_to(site).as_posix(), quote=True)
    return f'<a href="{target}">{html.escape(text)}</a>'


def _verdicts(site: Path, results: Path) -> Iterator[Verdict]:
    for page in (site / "validations").rglob("*.html"):
        kept = results / page.relative_to(site / "validations").with_suffix(".json")
        suite, run, *_ = page.relative_to(site / "validations").parts
        try:
            verdict = json.loads(kept.read_text())
            counts = verdict["statistics"]
            yield Verdict(
                run,
                suite,
                bool(verdict["success"]),
                int(counts["evaluated_expectations"]),
                int(counts["unsuccessful_expectations"]),
                page,
            )
        except (OSError, ValueError, LookupError, TypeError):
            # The page alone is left of a run whose results were dropped meanwhile.
            continue

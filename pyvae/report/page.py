"""The parts of a self-contained HTML page: text goes in plain, and is escaped here."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


def page(title: str, body: Sequence[str], *, style: str = "", script: str = "") -> str:
    """A whole document from its parts (HTML), readable in light and dark, with nothing to load from
    elsewhere. `style` (CSS) and `script` (JavaScript) are those of parts that have some of their own.
    """
    run = f"<script>{script}</script>" if script else ""
    return _PAGE.format(title=html.escape(title), style=STYLE + style, body="\n".join(body), script=run)


def header(kicker: str, title: str, lead: str, points: Sequence[str]) -> str:
    """The head of the page: a line of facts, the question, the answer, what it rests on."""
    return (
        f'<header><p class="kicker">{html.escape(kicker)}</p><h1>{html.escape(title)}</h1>'
        f'<p class="lead">{html.escape(lead)}</p>{bullets(points)}</header>'
    )


def section(title: str, *parts: str) -> str:
    """A heading and its content (HTML)."""
    return f"<section><h2>{html.escape(title)}</h2>{''.join(parts)}</section>"


def subsection(title: str, *parts: str) -> str:
    """A smaller heading and its content (HTML)."""
    return f"<h3>{html.escape(title)}</h3>{''.join(parts)}"


def paragraph(text: str, kind: str = "plain") -> str:
    """A paragraph; kind is "plain", "short" (an answer in bold) or "note" (small print)."""
    return f'<p class="{kind}">{html.escape(text)}</p>'


def bullets(points: Sequence[str]) -> str:
    """A list of sentences."""
    return "<ul>" + "".join(f"<li>{html.escape(point)}</li>" for point in points) + "</ul>"


def definitions(terms: dict[str, str]) -> str:
    """Terms and what they mean."""
    return "<dl>" + "".join(f"<dt>{html.escape(t)}</dt><dd>{html.escape(d)}</dd>" for t, d in terms.items()) + "</dl>"


def code(text: str, summary: str = "") -> str:
    """Preformatted text; with a summary it is folded away under it."""
    block = f"<pre><code>{html.escape(text)}</code></pre>"
    return f"<details><summary>{html.escape(summary)}</summary>{block}</details>" if summary else block


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text that scrolls sideways when it is too wide."""
    heading = "".join(f"<th>{html.escape(text)}</th>" for text in head)
    lines = "".join("<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{heading}</tr></thead><tbody>{lines}</tbody></table></div>'


class Shade(NamedTuple):
    """A place of a heat map: its lines of text, and how strong its colour is, from 0 to 1; None where it has none."""

    lines: Sequence[str]
    share: float | None


def shaded_table(head: Sequence[str], rows: Sequence[tuple[str, Sequence[float]]], digits: int = 2) -> str:
    """A heat map of shares from 0 to 1, which it prints, the larger the stronger in colour, a name before each row."""
    shades = [(name, [Shade([f"{share:.{digits}f}"], share) for share in shares]) for name, shares in rows]
    return heat_map(head, shades)


def heat_map(head: Sequence[str], rows: Sequence[tuple[str, Sequence[Shade]]]) -> str:
    """A heat map as a table that scrolls sideways when it is too wide, a name before each row."""
    heading = "".join(f"<th>{html.escape(text)}</th>" for text in head)
    lines = "".join(f"<tr><th>{html.escape(name)}</th>{''.join(map(_shaded, shades))}</tr>" for name, shades in rows)
    body = f"<thead><tr>{heading}</tr></thead><tbody>{lines}</tbody>"
    return f'<div class="scroll"><table class="shaded">{body}</table></div>'


def _shaded(shade: Shade) -> str:
    style = "" if shade.share is None else f' style="--share: {100 * shade.share:.0f}%"'
    return f"<td{style}>{'<br>'.join(map(html.escape, shade.lines))}</td>"


def picture(source: Path | bytes, caption: str, *, wide: bool = False) -> str:
    """A PNG or GIF, a file or its bytes, inline, with its caption; a click enlarges it. Two that are not `wide` fit
    beside each other.
    """
    return (
        f'<figure class="{"wide" if wide else "narrow"}">'
        '<label><input type="checkbox" aria-label="Enlarge this picture">'
        f"{_inline(source, caption)}</label>"
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def strips(rows: Sequence[tuple[str, bytes]], caption: str) -> str:
    """Rows of images, a PNG each, with the text of each beside it, or above it where the page is narrow."""
    widths = [int.from_bytes(png[16:20], "big") for _, png in rows]  # of a PNG's first chunk
    widest = max(widths, default=1)
    lines = "".join(
        f"<div><span>{html.escape(label)}</span>"
        # A row of fewer images is as much narrower, so that all images have one size.
        f"{_inline(png, label, f'width: {100 * width / widest:.4g}%; max-width: {width}px')}</div>"
        for (label, png), width in zip(rows, widths, strict=True)
    )
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return f'<figure class="strips">{lines}{below}</figure>'


def _inline(source: Path | bytes, text: str, style: str = "") -> str:
    held = source if isinstance(source, bytes) else source.read_bytes()
    kind = "gif" if held.startswith(b"GIF8") else "png"
    shown = f' style="{style}"' if style else ""
    data = base64.b64encode(held).decode("ascii")
    return f'<img alt="{html.escape(text)}"{shown} src="data:image/{kind};base64,{data}">'


def gallery(pictures: Sequence[str]) -> str:
    """Pictures, narrow ones side by side."""
    return f'<div class="gallery">{"".join(pictures)}</div>'


STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1d2126; --soft: #5a6470; --line: #d9dee4; --page: #fdfdfc; --accent: #2b6a8c;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --soft: #9aa5b1; --line: #343b43; --page: #15181c; --accent: #7fbfdf; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); 
  font: 17px/1.6 Georgia, "Times New Roman", serif; overflow-wrap: break-word; }
main { max-width: 1060px; margin: 0 auto; padding: 48px 24px 96px; }
h1 { font-size: 2.1em; line-height: 1.2; margin: 0.2em 0 0.5em; max-width: 24em; }
h2 { font-size: 1.35em; line-height: 1.3; margin: 2.2em 0 0.5em; }
h3 { font-size: 1.05em; line-height: 1.3; margin: 1.6em 0 0.4em; }
p, li, dd { max-width: 44em; }
.kicker, .note, figcaption, summary, table, .strips span { font-family: system-ui, sans-serif; }
.kicker { color: var(--soft); font-size: 0.8em; margin: 0; max-width: none; }
.lead { font-size: 1.3em; line-height: 1.45; }
.short { font-weight: bold; }
.note, figcaption { color: var(--soft); font-size: 0.8em; line-height: 1.45; }
.gallery { display: flex; flex-wrap: wrap; gap: 20px; margin: 20px 0; }
figure { margin: 0; }
figure.wide { flex: 1 1 100%; }
figure.narrow { flex: 1 1 440px; max-width: 500px; }
.strips { margin: 12px 0 20px; }
.strips div { display: grid; grid-template-columns: 15em minmax(0, 1fr); gap: 12px; align-items: center;
  margin-bottom: 4px; }
.strips span { font-size: 0.76em; line-height: 1.3; }
.strips img { padding: 0; border: 0; border-radius: 2px; }
figure input { position: absolute; opacity: 0; }  /* a click, or the space bar, checks it: no script is needed */
figure label { display: block; cursor: zoom-in; }
figure img { width: 100%; height: auto; display: block; background: white; padding: 10px;
  border: 1px solid var(--line); border-radius: 8px; }
figure input:focus-visible + img { outline: 3px solid var(--accent); }
figure:has(:checked) { position: fixed; inset: 0; z-index: 1; max-width: none; overflow: auto; padding: 16px;
  background: var(--page); }
figure:has(:checked) label { cursor: zoom-out; }
figure:has(:checked) img { width: auto; max-width: none; min-width: min(100%, 900px); margin: 0 auto; }
/* A shadow at the side where a table goes on: it scrolls with the content and is covered where the content ends. */
.scroll { overflow-x: auto;
  background: linear-gradient(to right, var(--page) 40%, transparent) left / 48px 100% no-repeat local,
    linear-gradient(to left, var(--page) 40%, transparent) right / 48px 100% no-repeat local,
    radial-gradient(farthest-side at left, var(--soft), transparent) left / 14px 100% no-repeat scroll,
    radial-gradient(farthest-side at right, var(--soft), transparent) right / 14px 100% no-repeat scroll; }
table { border-collapse: collapse; font-size: 0.76em; font-variant-numeric: tabular-nums; }
th { text-align: right; font-weight: 600; vertical-align: bottom; border-bottom: 2px solid var(--line);
  min-width: 3.2em; }
th, td { padding: 4px 9px; }
td { text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
.shaded { border-collapse: separate; border-spacing: 2px; }
.shaded th { border: 0; min-width: 0; }
.shaded tbody th { vertical-align: middle; }
.shaded td { border: 0; text-align: center; /* No darker, so that numbers stay readable. */
  background: color-mix(in srgb, var(--accent) calc(0.6 * var(--share)), transparent); }
dt { font-weight: bold; margin-top: 0.6em; }
dd { margin: 0; }
pre { background: color-mix(in srgb, var(--ink) 7%, transparent); padding: 12px 16px; border-radius: 8px;
  overflow-x: auto; font-size: 0.8em; line-height: 1.45; }
summary { cursor: pointer; color: var(--accent); font-size: 0.9em; }
@media (max-width: 560px) {
  main { padding: 24px 14px 64px; }
  h1 { font-size: 1.6em; }
  ul { padding-left: 1.1em; }
  figure img { padding: 2px; }
  .strips img { padding: 0; }
  .strips div { grid-template-columns: minmax(0, 1fr); gap: 2px; margin-bottom: 10px; }
  .scroll::before { content: "scroll for more →"; display: block; position: sticky; left: 0;
    font: 0.75em system-ui, sans-serif; color: var(--soft); }
}
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body><main>
{body}
</main>{script}</body>
</html>
"""

"""The parts of a self-contained HTML page: text goes in plain, and is escaped here."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path


def page(title: str, body: Sequence[str]) -> str:
    """A whole document from its parts (HTML), readable in light and dark, with nothing to load from
    elsewhere.
    """
    return _PAGE.format(title=html.escape(title), style=STYLE, body="\n".join(body))


def header(kicker: str, title: str, lead: str, points: Sequence[str]) -> str:
    """The head of the page: a line of facts, the question, the answer, what it rests on."""
    return (
        f'<header><p class="kicker">{html.escape(kicker)}</p><h1>{html.escape(title)}</h1>'
        f'<p class="lead">{html.escape(lead)}</p>{bullets(points)}</header>'
    )


def section(title: str, *parts: str) -> str:
    """A heading and its content (HTML)."""
    return f"<section><h2>{html.escape(title)}</h2>{''.join(parts)}</section>"


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


def picture(path: Path, caption: str, *, narrow: bool = False) -> str:
    """A PNG file inline, with its caption."""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    text = html.escape(caption)
    return (
        f'<figure class="{"narrow" if narrow else "wide"}">'
        f'<img alt="{text}" src="data:image/png;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


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
p, li, dd { max-width: 44em; }
.kicker, .note, figcaption, summary, table { font-family: system-ui, sans-serif; }
.kicker { color: var(--soft); font-size: 0.8em; margin: 0; max-width: none; }
.lead { font-size: 1.3em; line-height: 1.45; }
.short { font-weight: bold; }
.note, figcaption { color: var(--soft); font-size: 0.8em; line-height: 1.45; }
.gallery { display: flex; flex-wrap: wrap; gap: 20px; margin: 20px 0; }
figure { margin: 0; }
figure.wide { flex: 1 1 100%; }
figure.narrow { flex: 1 1 440px; max-width: 500px; }
figure img { width: 100%; height: auto; display: block; background: white; padding: 10px;
  border: 1px solid var(--line); border-radius: 8px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.76em; font-variant-numeric: tabular-nums; }
th { text-align: right; font-weight: 600; vertical-align: bottom; border-bottom: 2px solid var(--line);
  min-width: 3.2em; }
th, td { padding: 4px 9px; }
td { text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
dt { font-weight: bold; margin-top: 0.6em; }
dd { margin: 0; }
pre { background: color-mix(in srgb, var(--ink) 7%, transparent); padding: 12px 16px; border-radius: 8px;
  overflow-x: auto; font-size: 0.8em; line-height: 1.45; }
summary { cursor: pointer; color: var(--accent); font-size: 0.9em; }
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
</main></body>
</html>
"""

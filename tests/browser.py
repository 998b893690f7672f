"""Pages in headless Chromium: how they lie in windows of a given width, phones' included."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = next((path for path in map(shutil.which, NAMES) if path), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium or Chrome, and none is installed")

# A window of Chromium is at least 500 pixels wide, a frame in it as narrow as one likes.
_WRAPPER = """<!DOCTYPE html><meta charset="utf-8"><body style="margin: 0">
<iframe id="page" width="{width}" height="900" style="border: 0" srcdoc="{page}"></iframe><pre id="found"></pre>
<script>
const frame = document.getElementById("page");
frame.onload = () => {{
  const page = frame.contentDocument, root = page.documentElement, images = [...page.images];
  const scrolls = e => e && (e.classList.contains("scroll") || e.tagName === "PRE" || scrolls(e.parentElement));
  const wide = [...page.body.querySelectorAll("*")].filter(
    e => e.getBoundingClientRect().right > root.clientWidth + 1 && !scrolls(e));
  document.getElementById("found").textContent = "FOUND" + JSON.stringify({{
    width: root.clientWidth, content: root.scrollWidth, height: root.scrollHeight,
    wide: wide.map(e => e.outerHTML.slice(0, 80)), images: images.length,
    broken: images.filter(image => !image.naturalWidth).length,
    least: Math.min(...[...page.body.querySelectorAll("p, span, td, th, li, figcaption")].map(
      e => parseFloat(getComputedStyle(e).fontSize))),
  }}) + "END";
}};
</script>"""


class Layout(NamedTuple):
    """What Chromium found."""

    width: int
    """Of the window, in CSS pixels."""
    content: int
    """Of the page's content: larger where it has to be scrolled sideways."""
    height: int
    wide: list[str]
    """Elements beyond the right edge that are in nothing that scrolls by itself."""
    images: int
    broken: int
    """Images that could not be read."""
    least: float
    """The smallest text, in CSS pixels."""


def layout(page: Path, width: int, folder: Path) -> Layout:
    """How a page of one file lies in a window of this width; files that are needed for it go to `folder`."""
    wrapper = folder / f"{page.stem}-{width}.html"
    wrapper.write_text(_WRAPPER.format(width=width, page=html.escape(page.read_text(), quote=True)))
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--virtual-time-budget=20000",
        f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000", "--dump-dom", wrapper.as_uri(),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r"FOUND(\{.*?\})END</pre>", ended.stdout, re.DOTALL)
    assert found is not None, ended.stderr[-2000:]
    return Layout(**json.loads(html.unescape(found.group(1))))

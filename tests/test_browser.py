"""What tests of pages rest on: an overflow is seen, and one that scrolls by itself is none."""

from pathlib import Path

from pyvae.report.page import page, table
from tests.browser import layout, needs_chromium


@needs_chromium
def test_what_is_too_wide_is_seen(tmp_path: Path) -> None:
    parts = {
        "text": "<p>" + "words " * 200 + "</p>",
        "table": table(["a long heading"] * 30, [["1"] * 30]),
        "box": '<div style="width: 700px; font-size: 9px"><p>9</p></div>',
        "image": '<img src="data:image/png;base64,nonsense">',
    }
    found = {}
    for name, part in parts.items():
        path = tmp_path / f"{name}.html"
        path.write_text(page(name, [part]))
        found[name] = layout(path, 390, tmp_path)
    assert all(found[name].content == 390 and not found[name].wide for name in ("text", "table", "image"))
    assert found["box"].content > 690 and len(found["box"].wide) == 2 and found["box"].least == 9
    assert [found[name].broken for name in parts] == [0, 0, 0, 1]

"""Parts of a page that have more than text in them: heat maps, and a page's own style and script."""

import re

from pyvae.report.page import Shade, heat_map, page, shaded_table


def test_a_heat_map_has_lines_and_colours() -> None:
    text = heat_map(["a <b>", "1", "2"], [("row & name", [Shade(["0.5", "± 0.1"], 0.25), Shade(["-"], None)])])
    assert re.findall(r"<td([^>]*)>([^/]*(?:<br>)?[^/]*)</td>", text) == [
        (' style="--share: 25%"', "0.5<br>± 0.1"),
        ("", "-"),
    ]
    assert "a &lt;b&gt;" in text and "row &amp; name" in text


def test_shares_are_printed_as_they_are_coloured() -> None:
    assert '<td style="--share: 12%">0.124</td>' in shaded_table(["", "x"], [("r", [0.124])], digits=3)


def test_a_page_has_a_script_only_where_one_is_asked_for() -> None:
    plain = page("title", ["<p>text</p>"])
    assert "<script" not in plain
    own = page("title", ["<p>text</p>"], style=".own { color: red; }", script="let one = 1;")
    assert own.count("<script>let one = 1;</script>") == 1 and ".own { color: red; }</style>" in own

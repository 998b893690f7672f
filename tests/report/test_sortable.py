"""What tables that can be sorted hold. How they are sorted, tests/sweeps/report/test_browsed.py tries in a browser."""

import re

import pytest

from pyvae.report.sortable import Row, Worded, number, pane, sortable_table


def test_cells_of_every_kind() -> None:
    row = Row(["<name>", 0.1234567, 3, None, Worded("0.5 ± 0.1", 0.512345678912), True])
    text = sortable_table(["text", "float", "int", "none", "worded", "truth"], [row], 'all "models"')
    assert re.findall(r"<td[^>]*>.*?</td>", text) == [
        '<td class="text">&lt;name&gt;</td>',
        "<td>0.123457</td>",
        "<td>3</td>",
        "<td></td>",
        '<td data-value="0.512345679">0.5 ± 0.1</td>',
        "<td>yes</td>",
    ]
    heads = re.findall(r"<th ([^>]*)>([a-z]+)</th>", text)
    assert [name for kind, name in heads if "data-text" in kind] == ["text", "none", "truth"]
    assert 'aria-label="all &quot;models&quot;"' in text and all('scope="col"' in kind for kind, _ in heads)


def test_the_first_cell_links_to_its_pane_and_keeps_its_value() -> None:
    text = sortable_table(["place", "x"], [Row([Worded("2, pictures", 2), 1.0], "model-7")], "ranking")
    assert '<td data-value="2"><a href="#model-7">2, pictures</a></td><td>1</td>' in text
    assert pane("model-7", "a < b", "<p>in it</p>").startswith('<details class="pane" id="model-7">')


def test_a_table_without_rows() -> None:
    assert "<tbody></tbody>" in sortable_table(["a", "b"], [], "nothing")


@pytest.mark.parametrize(
    ("value", "text"), [(-1.5, "−1.5"), (1e-7, "1e−07"), (123456789.0, "1.23457e+08"), (2.0, "2"), (-0.0, "−0")]
)
def test_numbers_have_six_digits_and_a_minus_sign(value: float, text: str) -> None:
    assert number(value) == text

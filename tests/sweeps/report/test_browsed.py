"""A report in a real browser: tables sorted by clicks and keys, rows filtered, panes opened, windows of any width."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyvae.sweeps.report import Show, write_report
from tests.browser import layout, needs_chromium
from tests.driving import Page, driven
from tests.sweeps.report.sweeps import noise, of, sweep

pytestmark = needs_chromium
NAN = float("nan")
LARGE = 1e4


def mig(strengths: float, learning_rate: float, seeds: int) -> float:
    """Of all sizes and signs, some alike; some models have diverged."""
    if strengths == 2 and seeds == 1:
        return NAN
    return round(noise(strengths, learning_rate) * 10) * (LARGE if strengths == 4 else 1)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, run: Path) -> Path:
    axes = {"strengths": [1.0, 2.0, 4.0], "learning_rate": [1e-3, 3e-3, 1e-2], "seeds": [0, 1]}
    measured = of(mig, train_reconstruction_nats=lambda strengths, learning_rate, seeds: strengths + learning_rate)
    folder = sweep(
        tmp_path_factory.mktemp("browsed") / "sweep",
        axes,
        lambda values: (
            "it <broke>" if values["strengths"] == 4 and values["learning_rate"] == 1e-2 else measured(values)
        ),
        run=run,
    )
    return write_report(folder, Show(images=4, points=30))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with driven(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser: Page, report: Path) -> Iterator[Page]:
    browser.open(report)
    yield browser
    assert browser.errors() == [] and browser.requests() == [report.as_uri()]


MODELS = 'table[aria-label="All models"]'


def column(page: Page, name: str) -> list[str]:
    """The texts of a column of the table of all models, of the rows that are shown."""
    return page.value(
        f"""(() => {{
          const table = document.querySelector({MODELS!r}), heads = [...table.tHead.rows[0].cells];
          const k = heads.findIndex(head => head.textContent.trim() === {name!r});
          return [...table.tBodies[0].rows].filter(row => !row.hidden).map(row => row.cells[k].textContent);
        }})()"""
    )


def head(page: Page, name: str) -> str:
    """The selector of a head's button."""
    place = page.value(
        f"[...document.querySelectorAll('{MODELS} th')].findIndex(head => head.textContent.trim() === {name!r})"
    )
    return f"{MODELS} th:nth-child({place + 1}) button"


def sorting(page: Page) -> list[str | None]:
    """aria-sort of each head."""
    return page.value(f"[...document.querySelectorAll('{MODELS} th')].map(head => head.getAttribute('aria-sort'))")


def numbers(texts: list[str]) -> list[float]:
    return [float(text.replace("−", "-")) for text in texts if text]


def test_a_click_sorts_numbers_as_numbers_and_nothing_last(page: Page) -> None:
    before = list(zip(column(page, "mig"), column(page, "cell"), strict=True))
    empty = [pair for pair in before if not pair[0]]
    assert len(before) == 18 and len(empty) == 5
    page.click(head(page, "mig"))
    rising = list(zip(column(page, "mig"), column(page, "cell"), strict=True))
    # Stable: equal numbers, and rows without any, as they were.
    expected = sorted((pair for pair in before if pair[0]), key=lambda pair: numbers([pair[0]])[0])
    assert rising == [*expected, *empty]
    assert [kind for kind in sorting(page) if kind] == ["ascending"]
    assert [text for text, _ in rising if text] != sorted(text for text, _ in rising if text)  # no order of texts
    page.click(head(page, "mig"))
    falling = list(zip(column(page, "mig"), column(page, "cell"), strict=True))
    assert falling == [*sorted(expected, key=lambda pair: -numbers([pair[0]])[0]), *empty]
    assert [kind for kind in sorting(page) if kind] == ["descending"]


def test_enter_sorts_what_the_keyboard_has_come_to(page: Page) -> None:
    page.value(f"document.querySelector({head(page, 'status')!r}).focus()")
    page.press("Enter")
    found = column(page, "status")
    assert found == sorted(found) and set(found) == {"diverged", "failed", "finished"}
    page.press("Tab")
    assert page.value("document.activeElement.textContent.trim()") == "beta"
    page.press("Enter")
    assert numbers(column(page, "beta")) == sorted(numbers(column(page, "beta")))
    assert sorting(page)[:3] == [None, None, "ascending"]
    assert column(page, "status")[:6] == ["finished"] * 6  # of strength 1, as they were


def test_places_with_words_are_sorted_by_their_numbers(page: Page) -> None:
    selector = 'table[aria-label="The best configurations"]'
    page.click(f"{selector} th:first-child button")
    page.click(f"{selector} th:first-child button")
    found = page.value(
        f"[...document.querySelectorAll('{selector} tbody td:first-child')].map(cell => cell.textContent)"
    )
    assert found == [f"{k}, pictures" for k in range(8, 0, -1)]


def test_words_filter_rows(page: Page) -> None:
    tables = page.value(f"[...document.querySelectorAll('table.sortable')].indexOf(document.querySelector({MODELS!r}))")
    assert page.value("document.querySelectorAll('.filter').length") >= 2 and tables > 0
    page.value(f"document.querySelector({MODELS!r}).parentElement.previousElementSibling.id = 'here'")
    page.click("#here input")
    page.write("FAILED 0.01")
    assert column(page, "status") == ["failed"] * 2 and column(page, "learning_rate") == ["0.01"] * 2
    assert page.value("document.querySelector('#here output').textContent") == "2 of 18 rows"
    page.click(head(page, "seed"))
    page.click(head(page, "seed"))
    assert column(page, "seed") == ["1", "0"]
    page.value("document.querySelector('#here input').select()")
    page.write("nothing has this")
    assert column(page, "status") == []
    page.value("document.querySelector('#here input').select()")
    page.write(" ")
    assert len(column(page, "status")) == 18 and page.value("document.querySelector('#here output').textContent") == ""


def open_panes(page: Page) -> list[str]:
    return page.value("[...document.querySelectorAll('details.pane')].filter(pane => pane.open).map(pane => pane.id)")


def test_a_click_on_a_cell_shows_its_pictures(page: Page) -> None:
    assert open_panes(page) == []
    name = page.value(f"document.querySelector('{MODELS} a[href^=\"#model-\"]').hash.slice(1)")
    page.click(f'{MODELS} a[href="#{name}"]')
    assert open_panes(page) == [name]
    top, bottom, images = page.value(
        f"""(() => {{
          const pane = document.getElementById({name!r}), box = pane.getBoundingClientRect();
          const drawn = [...pane.querySelectorAll("img")].filter(one => one.naturalWidth && one.checkVisibility());
          return [box.top, box.bottom, drawn.length];
        }})()"""
    )
    assert -1 <= top < 900 and bottom > top + 200 and images == 5  # two rows, and three latents
    assert page.value("document.activeElement.closest('details').id") == name
    page.press("Enter")  # the keyboard is on its summary
    assert open_panes(page) == []
    page.click(f'{MODELS} a[href="#{name}"]')  # again, though the address stays as it is
    assert open_panes(page) == [name]


def test_a_click_on_a_failed_cell_shows_its_log(page: Page) -> None:
    page.click(f'{MODELS} a[href^="#failed-"]')
    (name,) = open_panes(page)
    text = page.value(f"document.getElementById({name!r}).innerText")
    assert "it <broke>" in text and "line 99 <of>" in text


def test_the_address_of_a_pane_opens_it(browser: Page, report: Path) -> None:
    browser.open(report)
    name = browser.value("document.querySelector('details.pane').id")
    browser.value(f"location.hash = {name!r}")
    browser.settle()
    assert open_panes(browser) == [name]


def test_points_say_which_they_are(page: Page) -> None:
    titles = page.value(
        "[...document.querySelectorAll('circle')].map(point => point.querySelector('title').textContent)"
    )
    assert len(titles) == 8 and all("beta " in title and "(cell " in title for title in titles)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_readable_in_every_window(browser: Page, report: Path, width: int, dark: bool) -> None:
    browser.open(report, width, dark=dark)
    browser.value("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert browser.value("document.documentElement.scrollWidth") <= width
    # Of every text the contrast with what is behind it (WCAG 2, 1.4.3).
    least = browser.value(
        """(() => {
          const parts = text => text.match(/[\\d.]+/g).map(Number);
          const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 :
            ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
          const page = parts(getComputedStyle(document.body).backgroundColor);
          let least = 99;
          const texts = "p, li, td:not(.shaded td), th, summary, a, text, button, figcaption";
          for (const one of document.querySelectorAll(texts)) {
            const style = getComputedStyle(one), ink = one.tagName === "text" ? style.fill : style.color;
            const [a, b] = [light(parts(ink)), light(page)];
            least = Math.min(least, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
          }
          return least;
        })()"""
    )
    assert least > 4.5


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_overflows(report: Path, width: int, tmp_path: Path) -> None:
    found = layout(report, width, tmp_path)
    assert found.width == width and found.content <= width and found.wide == []
    assert found.images == 8 * 5 and found.broken == 0 and found.least >= 12

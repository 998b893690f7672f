"""How a finished study is told, whatever it asks: its answers, figures and settings on a page, its answers as text."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pyvae.report.answer import Answer
from pyvae.report.page import bullets, code, gallery, paragraph, picture, section


def answered(answer: Answer, *more: str) -> str:
    """A section of one answer: its question, the answer in bold, the numbers behind it, and what else is shown."""
    return section(answer.question, paragraph(answer.short, "short"), bullets(answer.details), *more)


def figures(folder: Path, captions: Mapping[str, str], wide: Sequence[str] = ()) -> str:
    """Figures of a study's folder by their names, with their captions.

    Raises FileNotFoundError naming a figure that is not there.
    """
    pictures = []
    for name, caption in captions.items():
        path = folder / "figures" / f"{name}.png"
        if not path.is_file():
            raise FileNotFoundError(f"folder must hold the study's figures, but {folder} has no figures/{name}.png")
        pictures.append(picture(path, caption, wide=name in wide))
    return gallery(pictures)


def settings(command: str, about: str, config: str, choices: str = "") -> tuple[str, ...]:
    """How to run it again: the command, what it ran on, what was chosen where no source says it, and all settings."""
    return code(command), *(paragraph(text) for text in (about, choices) if text), code(config, "config.json")


def summary(title: str, facts: str, answers: Sequence[Answer]) -> str:
    """The questions, their answers and the numbers behind them, as Markdown."""
    lines = [f"# {title}", "", facts]
    for answer in answers:
        details = [f"- {detail}" for detail in answer.details]
        lines += ["", f"## {answer.question}", "", answer.short, *([""] if details else []), *details]
    return "\n".join(lines).rstrip() + "\n"


def one_line(text: str) -> str:
    """A text that is written over several lines, as one."""
    return " ".join(text.split())

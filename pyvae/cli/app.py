"""What all commands share: the app, how it ends, and arguments that several have."""

from typing import Annotated

import torch
import typer

import pyvae

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Fused operations for variational autoencoders, and studies of them on biased data.",
)

INTERRUPTED = 130
"""Exit code after ctrl-C, as shells have it."""

Threads = Annotated[
    int | None, typer.Option(min=1, max=4096, help="Threads to use; torch's number by default.", show_default=False)
]


def set_threads(threads: int | None) -> None:
    """torch's number of threads, where one is asked for."""
    if threads is not None:
        torch.set_num_threads(threads)


def _version(asked: bool) -> None:
    if asked:
        print(f"pyvae {pyvae.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Fused operations for variational autoencoders, and studies of them on biased data."""

"""scikit-learn, which only some scores need: the extra `metrics` of the package."""

import importlib
from typing import Any


def sklearn(module: str) -> Any:
    """scikit-learn's `module`, "linear_model" for example.

    Raises:
        ImportError: without scikit-learn, saying how to install it.
    """
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise ImportError(
            "this score needs scikit-learn, which is not installed: pip install 'pyvae-torch[metrics]'."
        ) from error

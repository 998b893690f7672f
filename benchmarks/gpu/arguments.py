"""The arguments that the measuring steps share."""

import argparse
from pathlib import Path


def parse(description: str | None) -> argparse.Namespace:
    """--device, --out, --toy and --seconds."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: a dry run")
    parser.add_argument("--out", type=Path, required=True, help="folder for what is measured")
    parser.add_argument("--toy", action="store_true", help="sizes that take no time, to try the program")
    parser.add_argument("--seconds", type=float, default=100.0, help="no new case begins after so many")
    return parser.parse_args()

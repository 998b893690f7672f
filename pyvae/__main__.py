"""`python -m pyvae` is `pyvae`."""

from pyvae.cli import main

if __name__ == "__main__":
    main()

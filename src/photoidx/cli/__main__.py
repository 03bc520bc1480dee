"""`python -m photoidx.cli`."""

from photoidx.cli import main

if __name__ == "__main__":
    main()

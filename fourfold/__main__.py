"""`python -m fourfold`: the command `fourfold`, also from a source tree that is not installed."""

import sys


def run() -> None:
    """Run the command line; a library that it needs and that is missing is one line and exit code 2."""
    try:
        from fourfold.cli.main import main

        main()
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] == "fourfold":
            raise  # a file of ours is missing: whoever mends that wants the trace
        sys.stderr.write(f"fourfold: {error.name} is missing; install Fourfold and what it needs: pip install -e .\n")
        sys.exit(2)


if __name__ == "__main__":
    run()

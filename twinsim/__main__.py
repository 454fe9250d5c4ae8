"""`python -m twinsim`."""

from twinsim.cli import command

if __name__ == "__main__":
    command()

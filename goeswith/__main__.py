"""``python -m goeswith`` is the command."""

from goeswith.command.main import main

if __name__ == "__main__":
    main()

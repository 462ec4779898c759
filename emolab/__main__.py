"""`python -m emolab`, the same as the console script."""

from emolab.cli.main import main

main()

"""Run the command line as ``python -m telephony``."""

from telephony.cli import main

main()

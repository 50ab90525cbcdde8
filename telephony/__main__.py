"""``python -m telephony``"""

from telephony.cli import main

main()

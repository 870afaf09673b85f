"""Run a script under capture and leave its segments as they are. usage: captured.py SCRIPT EXPERIMENT [arguments...]"""

import sys

from flor.capture.run import run

run(sys.argv[1], sys.argv[2], sys.argv[3:], False, lambda _: None)

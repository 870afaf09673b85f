"""Run a script under a trace function that does nothing. usage: trace_nothing.py SCRIPT [arguments...]"""

import runpy
import sys


def trace(frame, event, argument):
    return trace


sys.argv = sys.argv[1:]
sys.settrace(trace)
runpy.run_path(sys.argv[0], run_name="__main__")

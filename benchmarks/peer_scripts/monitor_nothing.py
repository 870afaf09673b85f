"""Run a script under sys.monitoring (PEP 669), with call-backs that do nothing for each line, call and return.
usage: monitor_nothing.py SCRIPT [arguments...]"""

import runpy
import sys


def nothing(*_):
    pass


monitoring = sys.monitoring
events = monitoring.events
monitoring.use_tool_id(monitoring.DEBUGGER_ID, "nothing")
for event in (events.LINE, events.PY_START, events.PY_RETURN):
    monitoring.register_callback(monitoring.DEBUGGER_ID, event, nothing)
monitoring.set_events(monitoring.DEBUGGER_ID, events.LINE | events.PY_START | events.PY_RETURN)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")

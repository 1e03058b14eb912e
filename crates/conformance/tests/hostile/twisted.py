"""The adapter that people copy, with one thing otherwise than the contract has it.

The first argument says which. Everything else is as it should be, so that a check which finds nothing
has not looked.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "adapters/python"))
import runtime
import template

# Workers that are forked have what is twisted here without being told.
template.Pool.START_METHODS = ("fork",)
template.Pool.CAPABILITIES += " stdio nested child_process"
template.Pool.POLICIES = {**template.Pool.POLICIES, "start": "at_first_submit"}
TWISTS = {"nothing": lambda: None}


def twist(function):
    TWISTS[function.__name__] = function
    return function


@twist
def forgets_who_it_is():
    runtime.BODIES["whoami"] = lambda call: {"pid": 1, "state": None}


@twist
def calls_bodies_other():
    template.Pool.classify = lambda error, step: "other" if "apple" in str(error) else None


@twist
def passes_closed_gates():
    runtime.BODIES["gate"] = lambda call: call.get("value")


@twist
def calls_missing_names_other():
    find = runtime.Session.find

    def finding(session, kind, name):
        try:
            return find(session, kind, name)
        except runtime.Missing:
            raise KeyError(name) from None

    runtime.Session.find = finding


@twist
def keeps_first_names():
    class Keeping(dict):
        def __setitem__(self, name, thing):
            self.setdefault(name, thing)

    begin = runtime.Session.__init__

    def beginning(session, *arguments):
        begin(session, *arguments)
        session.named = {kind: Keeping() for kind in session.named}

    runtime.Session.__init__ = beginning


@twist
def refuses_a_second_pool():
    check = runtime.check

    def checking(scenario, capabilities):
        check(scenario, capabilities)
        pools = {it["pool"] for it in scenario["clients"][0]["steps"] if it["do"] == "new"}
        if len(pools) > 1:
            raise runtime.Unsupported("several pools need several_pools")

    runtime.check = checking


@twist
def initializes_unasked():
    call = {"run": "mark", "tag": "unasked"}
    runtime.initializer = lambda options: (runtime.run_call, (options.get("initializer", call), "init_"))


@twist
def ends_lines():
    body = runtime.BODIES["print"]
    runtime.BODIES["print"] = lambda call: body({**call, "text": call["text"] + "\n"})


@twist
def runs_true():
    body = runtime.BODIES["child"]
    runtime.BODIES["child"] = lambda call: body({**call, "code": 0})


@twist
def nests_under_one_tag():
    record = runtime.record
    runtime.record = lambda event, tag: record(event, tag.split(".")[0])


TWISTS[sys.argv[1]]()
# Workers that nest look for the adapter under the name of the program.
sys.argv[:2] = ["template.py"]
runtime.main(template.Pool)

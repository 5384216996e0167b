"""The policy node itself, which notes when it does what.

    python -m rl_policy_node.nodes.bench_node RECORD.json --ros-args --params-file FILE

It runs as ever; at its end it writes {'moments': name → steady time in ns, 'steps': ns of each step's start,
'seconds': step of loading the policy → s} into the file.
"""
from array import array
import json
from pathlib import Path
import sys
import time

MOMENTS, STEPS, SECONDS = {'started': time.monotonic_ns()}, array('q'), {}


def note(moment):
    """Note when something was first reached."""
    MOMENTS.setdefault(moment, time.monotonic_ns())


def main():
    """Run the node, then write what was noted."""
    record = Path(sys.argv.pop(1))
    from rl_policy_node.nodes import policy_node
    from rl_policy_node.nodes.runtime import run
    note('imported')
    policy_node.Stepper, policy_node.load_policy = noting(policy_node.Stepper), loading(policy_node.load_policy)
    code = run(noting_node(policy_node.PolicyNode))
    record.write_text(json.dumps({'moments': MOMENTS, 'steps': STEPS.tolist(), 'seconds': SECONDS}))
    sys.exit(code)


def noting(stepper):
    """Return a Stepper that notes when each step begins."""
    class NotingStepper(stepper):

        def step(self):
            STEPS.append(time.monotonic_ns())
            super().step()
            note('acted')
    return NotingStepper


def loading(load_policy):
    """Return a load_policy that notes what took how long."""
    def load(configuration):
        note('read')
        policy = load_policy(configuration)
        note('loaded')
        SECONDS.update(policy.seconds)
        return policy
    return load


def noting_node(node):
    """Return a PolicyNode that notes where it is in its life."""
    class NotingNode(node):

        def __init__(self):
            super().__init__()
            note('created')

        def on_configure(self, state):
            note('configuring')
            result = super().on_configure(state)
            note('configured')
            return result

        def on_activate(self, state):
            note('activating')
            return super().on_activate(state)
    return NotingNode


if __name__ == '__main__':
    main()

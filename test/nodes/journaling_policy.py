# SPDX-License-Identifier: Apache-2.0
"""A policy node that keeps its events in memory, and pickles them at the end.

`python journaling_policy.py FILE --ros-args …`
"""

import copyreg
import functools
from pathlib import Path
import pickle
import sys
from types import MappingProxyType

from nodes.replay_bench import Kept

from rl_policy_node.nodes.policy.policy_node import PolicyNode
from rl_policy_node.nodes.process.runtime import run


def main():
    path, kept = sys.argv.pop(1), Kept(every=40)
    code = run(functools.partial(PolicyNode, journal=kept))
    copyreg.pickle(MappingProxyType, lambda mapping: (dict, (dict(mapping),)))
    Path(path).write_bytes(pickle.dumps(kept.events))
    sys.exit(code)


if __name__ == '__main__':
    main()

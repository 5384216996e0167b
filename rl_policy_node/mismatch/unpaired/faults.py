# SPDX-License-Identifier: Apache-2.0
"""All faults that a correction undoes. A new one is a class and a line here, and its words in `wording`."""

from rl_policy_node.mismatch.unpaired.fault import Fault
from rl_policy_node.mismatch.unpaired.linear_faults import Offset, Scale, Sign
from rl_policy_node.mismatch.unpaired.order_fault import Order
from rl_policy_node.mismatch.unpaired.timed_faults import Delay, Filter, LateCommand
from rl_policy_node.mismatch.unpaired.turned_faults import Frame, QuaternionOrder, QuaternionSign

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Scale(),
        Sign(),
        Offset(),
        Order(),
        QuaternionOrder(),
        QuaternionSign(),
        Frame(),
        Delay(),
        LateCommand(),
        Filter(),
    )
}

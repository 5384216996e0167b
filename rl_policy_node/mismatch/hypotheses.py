# SPDX-License-Identifier: Apache-2.0
"""All hypotheses, and which are tried two by two where none explains alone. A new one is a class and a line here."""

from rl_policy_node.mismatch.bodies import BodyOffset, WrongBody
from rl_policy_node.mismatch.columns import JointOrder, Sign
from rl_policy_node.mismatch.delays import HistoryOrder, Late
from rl_policy_node.mismatch.hypothesis import Hypothesis
from rl_policy_node.mismatch.linear import Offset, Scale
from rl_policy_node.mismatch.quaternion_form import QuaternionOrder, QuaternionSign
from rl_policy_node.mismatch.saturation import Clip
from rl_policy_node.mismatch.turned_frame import Frame

HYPOTHESES: dict[str, Hypothesis] = {
    hypothesis.name: hypothesis
    for hypothesis in (
        QuaternionOrder(),
        QuaternionSign(),
        Frame(),
        HistoryOrder(),
        JointOrder(),
        Sign(),
        Scale(),
        Offset(),
        Clip(),
        Late(),
        WrongBody(),
        BodyOffset(),
    )
}

# The first is guessed by what the second does not change; then the second is fitted.
PAIRS = tuple(
    (first, second)
    for first, seconds in {
        'quaternion order': ('quaternion sign', 'body offset'),
        'joint order': ('sign', 'scale', 'offset'),
        'sign': ('offset',),
        'scale': ('offset', 'clip'),
        'offset': ('clip',),
        'frame': ('sign', 'scale', 'offset'),
        'history order': ('joint order', 'sign', 'scale', 'offset'),
        'late': ('joint order', 'sign', 'scale', 'offset', 'frame', 'quaternion order'),
        'wrong body': ('body offset',),
    }.items()
    for second in seconds
)

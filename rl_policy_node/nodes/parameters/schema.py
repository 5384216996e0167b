# SPDX-License-Identifier: Apache-2.0
"""Every parameter of the package: name, type, default, unit, bounds, meaning; most follow from the options.

`*` stands for a name that the user gives (a source, a term, …). The policy node and the simulator bridge
read the same file, so both know all parameters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from rl_policy_node.control.action_spec import ACTION_PARAMETERS
from rl_policy_node.control.action_terms import KINDS as ACTIONS
from rl_policy_node.control.control_options import ClipOptions, OodSpec
from rl_policy_node.control.source_spec import SourceSpec
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.terms.term_spec import TERM_PARAMETERS, TermSpec
from rl_policy_node.core.sensor_spec import SensorSpec
from rl_policy_node.nodes.parameters.configuration import PolicySpec, SchedulingSpec, SimSpec
from rl_policy_node.nodes.parameters.declaration import BLANK, Parameter, REQUIRED
from rl_policy_node.nodes.policy.enable import EnableSpec
from rl_policy_node.nodes.policy.record.record_options import RecordSpec
from rl_policy_node.nodes.policy.robot_state import RobotStateSpec
from rl_policy_node.nodes.policy.streams import StreamSpec
from rl_policy_node.nodes.topics.links import LinkSpec
from rl_policy_node.options import Leaf, leaves

__all__ = ['BLANK', 'PARAMETERS', 'Parameter', 'REQUIRED', 'find', 'known', 'list_of']

JOINT_GROUPS, JOINT_VALUES = 'joint_groups', 'joint_values'

_p = Parameter


def _of(
    prefix: str, options: Mapping[str, Leaf], needed: bool = False, with_joints: Iterable[type] = ()
) -> tuple[Parameter, ...]:
    """Return the parameters of options. needed: a required option gets no default.

    with_joints: the dataclasses whose numbers for each axis may be stated joint by joint.
    """
    by_joint = {name for each in with_joints for name, leaf in leaves(each).items() if leaf.option.per_axis}
    return tuple(Parameter.of(prefix + name, leaf, needed, name in by_joint) for name, leaf in options.items())


_POLICY: Final = (
    *_of('policy.', leaves(PolicySpec)),
    *_of('policy.', leaves(ClipOptions)),
    _p(
        'policy.clip_inputs.*',
        'double',
        REQUIRED,
        'clip this input to ± this, in place of clip_observations; an input without one: as in the run; .inf: never',
        low=0.0,
    ),
    _p(
        'spaces.observation.*',
        'integer[]',
        [],
        'shape of an input of the network (obs for a flat policy), where neither the run nor the weights give it',
    ),
    _p('spaces.actions', 'integer', 0, 'number of continuous actions; 0: as in the run or the weights', low=0),
    _p('spaces.discrete', 'integer[]', [], 'number of choices of each discrete action'),
    _p('spaces.action_low', 'double[]', [], 'lower bound of the action space, one for all or one each'),
    _p('spaces.action_high', 'double[]', [], 'upper bound of the action space, one for all or one each'),
    _p('spaces.uint8', 'string[]', [], 'inputs that are images of bytes, which the policy divides by 255'),
)
_NODE: Final = (
    *_of('', leaves(ControlSpec)),
    _p('autostart', 'bool', False, 'configure and activate at the start'),
    *_of('', leaves(LinkSpec)),
    _p(
        'executor',
        'string',
        'events',
        'rclpy executor; single_threaded takes the place of events where this rclpy '
        'lacks it, and for good where messages come faster than they are read',
        choices=('events', 'single_threaded'),
    ),
    *_of('ood.', leaves(OodSpec)),
    _p(
        'enable',
        'string',
        '',
        'none: the robots move without a heartbeat from a person; otherwise enable.topic is required',
        choices=('', 'none'),
    ),
    *_of('enable.', leaves(EnableSpec)),
    *_of('robot_state.', leaves(RobotStateSpec)),
    *_of('scheduling.', leaves(SchedulingSpec)),
    *_of('stream.', leaves(StreamSpec)),
    *_of('record.', leaves(RecordSpec)),
)
_KINDS_WITH_JOINTS: Final = [kind.option_class for kind in ACTIONS.values() if 'joints' in leaves(kind.option_class)]
_TERMS: Final = (
    _p(
        f'{JOINT_GROUPS}.*',
        'string[]',
        REQUIRED,
        "the joints that '@<group>' stands for wherever a parameter lists joints; a group names no group",
    ),
    _p(
        f'{JOINT_VALUES}.*.*',
        'double',
        REQUIRED,
        "joint_values.<name>.<joint>: a joint's number, of those that '@<name>' stands for in place of a list of "
        'numbers; of joints that the list does not need, too',
    ),
    *_of('sources.*.', leaves(SourceSpec), needed=True),
    _p(
        'inputs.*',
        'string[]',
        REQUIRED,
        'terms of an input of the network, in the order of training; a flat policy has the one input obs',
    ),
    *_of('terms.*.', TERM_PARAMETERS, with_joints=[TermSpec]),
    _p('actions.terms', 'string[]', REQUIRED, 'action terms, in the order of the action vector'),
    *_of('actions.*.', ACTION_PARAMETERS, with_joints=_KINDS_WITH_JOINTS),
)
_SIMULATOR: Final = (
    *_of('sim.', leaves(SimSpec)),
    *_of('sim.sensors.*.', leaves(SensorSpec)),
    _p(
        'sim.noise.*.*',
        'double',
        0.0,
        'sim.noise.<source>.<field>: standard deviation of the noise on every '
        "number of a source's field; orientations are turned by a random rotation of this angle, rad; bytes are "
        'rounded and clipped',
        unit="the field's",
        low=0.0,
    ),
)
PARAMETERS: Final = (*_POLICY, *_NODE, *_TERMS, *_SIMULATOR)


def find(name: str) -> Parameter | None:
    """Return the declaration that matches a parameter's name, or None; of a list's number of one joint, its own."""
    exact = [p for p in PARAMETERS if p.name == name]
    if exact:
        return exact[0]
    names = name.split('.')
    for parameter in PARAMETERS:
        parts = parameter.name.split('.')
        if len(parts) == len(names) and all(part in ('*', each) for part, each in zip(parts, names)):
            return parameter
    if names[0] == JOINT_VALUES:
        return find(f'{JOINT_VALUES}.*.*') if list_of(name) and len(names) > 3 else None
    whole = find(list_of(name)) if list_of(name) else None
    return replace(whole, name=f'{whole.name}.*', type=whole.type.removesuffix('[]')) if whole else None


def list_of(name: str) -> str:
    """Return the list that a parameter is the number of one joint of, '' for other parameters.

    'actions.legs.scale' for 'actions.legs.scale.LF_HAA', 'joint_values.default' for 'joint_values.default.LF_HAA'.
    Names of joints may contain dots.
    """
    group, *below = name.split('.')
    if group == JOINT_VALUES and len(below) > 1:
        return f'{group}.{below[0]}'
    if len(below) > 2 and any(p.by_joint and p.name == f'{group}.*.{below[1]}' for p in PARAMETERS):
        return '.'.join((group, *below[:2]))
    return ''


def known(name: str) -> Parameter:
    """Return the declaration with exactly this name."""
    return next(each for each in PARAMETERS if each.name == name)

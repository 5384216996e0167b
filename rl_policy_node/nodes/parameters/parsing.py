# SPDX-License-Identifier: Apache-2.0
"""Parses ROS parameters into a typed configuration; refuses unknown names and unfit values."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, replace
from typing import Any, Final, TypeAlias, TypeVar

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

from rl_policy_node.control.control_options import ClipOptions, OodSpec
from rl_policy_node.control.source_spec import SourceSpec
from rl_policy_node.control.specs import action_spec, ControlSpec, term_spec
from rl_policy_node.control.unlimited import check_limits
from rl_policy_node.core.sensor_spec import SensorSpec
from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.nodes.parameters import schema
from rl_policy_node.nodes.parameters.configuration import Configuration, PolicySpec, SchedulingSpec, SimSpec
from rl_policy_node.nodes.parameters.conversion import converted, Value
from rl_policy_node.nodes.parameters.file_paths import located
from rl_policy_node.nodes.parameters.joint_lists import written_out
from rl_policy_node.nodes.policy.enable import EnableSpec
from rl_policy_node.nodes.policy.record.record_options import RecordSpec
from rl_policy_node.nodes.policy.robot_state import RobotStateSpec
from rl_policy_node.nodes.policy.streams import StreamSpec
from rl_policy_node.nodes.topics.links import LinkSpec
from rl_policy_node.options import build, leaves
from rl_policy_node.resources import resolve

T = TypeVar('T')

# group → name → … → value: the parameters of a file, each checked against its declaration
_Tree: TypeAlias = dict[str, Any]
# groups that are also a parameter; its name within the group is ''
_GROUPS: Final = ('enable',)
# parameters of rclpy and rcl themselves
_BUILT_IN: Final = ('use_sim_time', 'start_type_description_service', 'qos_overrides.')


def declare(node: Node) -> None:
    """Describe the given parameters, and declare the others with their defaults; never raises because of a value."""
    for name in node.get_parameters_by_prefix(''):
        declaration = schema.find(name)
        if declaration:
            node.set_descriptor(name, _descriptor(declaration))
    for declaration in schema.PARAMETERS:
        optional = declaration.default is not schema.REQUIRED and declaration.default != []
        if '*' not in declaration.name and optional and not node.has_parameter(declaration.name):
            node.declare_parameter(declaration.name, declaration.default, _descriptor(declaration))


def _descriptor(declaration: schema.Parameter) -> ParameterDescriptor:
    unit = f' [{declaration.unit}]' if declaration.unit else ''
    choices = f' One of: {", ".join(declaration.choices)}.' if declaration.choices else ''
    return ParameterDescriptor(
        name=declaration.name, description=f'{declaration.description}{unit}.{choices}', dynamic_typing=True
    )


def read(node: Node, arguments: Sequence[str], needed: str) -> Configuration:
    """Return the Configuration of a node's parameters; raises ConfigurationError.

    arguments: of the process, which name the parameter files. needed: see `located`.
    """
    return configuration(located(values_of(node), arguments, needed))


def values_of(node: Node) -> dict[str, Value]:
    """Return name → value of a node's parameters."""
    return {name: parameter.value for name, parameter in node.get_parameters_by_prefix('').items()}


def configuration(values: Mapping[str, Value]) -> Configuration:
    """Return the Configuration of name → value, each checked against its declaration."""
    tree = _tree(values)
    control = _control(tree)
    enable = tree.get('enable', {})
    return Configuration(
        policy=_policy(tree),
        control=control,
        scheduling=_built(SchedulingSpec, tree, 'scheduling'),
        sim=_sim(tree, control),
        robot_state=_built(RobotStateSpec, tree, 'robot_state'),
        enable=_built(EnableSpec, tree, 'enable', none=enable.get('') == 'none'),
        links=_built(LinkSpec, tree, ''),
        stream=_built(StreamSpec, tree, 'stream'),
        record=_built(RecordSpec, tree, 'record'),
    )


def _tree(values: Mapping[str, Value]) -> _Tree:
    """Return the parameters by group; raises ConfigurationError for blanks, unknown names and unfit values."""
    blank = [
        name
        for name, value in values.items()
        if value == schema.BLANK or isinstance(value, (list, tuple)) and schema.BLANK in value
    ]
    if blank:
        raise ConfigurationError(f'{len(blank)} blanks ({schema.BLANK}) are to be filled in: {", ".join(blank)}')
    tree: _Tree = {}
    for name, value in written_out(values).items():
        if name.startswith(_BUILT_IN):
            continue
        fitted, branch = converted(name, value), tree
        *parents, leaf = name.split('.')
        for parent in parents:
            branch = branch.setdefault(parent, {})
        if name in _GROUPS:
            branch.setdefault(leaf, {})[''] = fitted
        else:
            branch[leaf] = fitted
    return tree


def _missing(declaration: schema.Parameter, name: str = '') -> ConfigurationError:
    full = declaration.name.replace('*', name)
    return ConfigurationError(f"parameter '{full}' is missing: {declaration.description}")


def _built(kind: type[T], tree: _Tree, prefix: str, /, **others: object) -> T:
    """Return the dataclass of the options below a prefix; raises ConfigurationError if one is missing."""
    given = tree.get(prefix, {}) if prefix else tree
    for name, leaf in leaves(kind).items():
        if leaf.default is MISSING and name not in given:
            full = f'{prefix}.{name}' if prefix else name
            raise ConfigurationError(f"parameter '{full}' is missing: {leaf.option.description}")
    return build(kind, given, **others)


def _given(tree: _Tree, prefix: str, name: str) -> dict[str, Any]:
    """Return leaf → value of the parameters below a prefix and a name; raises if a required one is missing."""
    given: dict[str, Any] = tree.get(prefix, {}).get(name, {})
    for declaration in schema.PARAMETERS:
        top, _, leaf = declaration.name.partition('.*.')
        if top == prefix and declaration.default is schema.REQUIRED and leaf not in given:
            raise _missing(declaration, name)
    return given


def _policy(tree: _Tree) -> PolicySpec:
    made = _built(PolicySpec, tree, 'policy', spaces=_spaces(tree))
    return replace(made, train_config=resolve(made.train_config), checkpoint=resolve(made.checkpoint))


def _spaces(tree: _Tree) -> dict[str, object]:
    """Return the fields of Spaces that the file states."""
    given = tree.get('spaces', {})
    shapes = given.get('observation', {})
    discrete = given.get('discrete', ())
    return {
        name: value
        for name, value in {
            'observation': shapes['obs'] if set(shapes) == {'obs'} else shapes,
            'action': _action(given.get('actions', 0), discrete),
            'action_low': given.get('action_low'),
            'action_high': given.get('action_high'),
            'dtype': dict.fromkeys(given.get('uint8', ()), 'uint8'),
        }.items()
        if value
    }


def _action(continuous: int, discrete: tuple[int, ...]) -> int | dict[str, int | list[int]]:
    if continuous and discrete:
        raise ConfigurationError('spaces: actions and discrete are both stated; a policy has one of them')
    if len(discrete) == 1:
        return {'discrete': discrete[0]}
    return {'multi_discrete': list(discrete)} if discrete else continuous


def _sim(tree: _Tree, control: ControlSpec) -> SimSpec:
    given = tree.get('sim', {})
    for name in given.get('sensors', {}):
        if name not in control.sources:
            raise unknown('source', name, control.sources, 'sim.sensors')
    sensors = {name: build(SensorSpec, stated, name=name) for name, stated in given.get('sensors', {}).items()}
    made = _built(SimSpec, tree, 'sim', sensors=sensors)
    return replace(
        made,
        environment=replace(made.environment, rows=control.rows),
        imperfections=replace(made.imperfections, noise=given.get('noise', {})),
    )


def _control(tree: _Tree) -> ControlSpec:
    described = tree.get('actions', {})
    if 'terms' not in described:
        raise _missing(schema.known('actions.terms'))
    actions = described['terms']
    unused = sorted(set(described) - set(actions) - {'terms'})
    if unused:
        raise ConfigurationError(
            f'actions.terms does not name {unused}, which the file describes; it names {list(actions)}'
        )
    specs = tuple(action_spec(name, **_given(tree, 'actions', name)) for name in actions)
    for spec in specs:
        check_limits(spec)
    clips = _built(ClipOptions, tree, 'policy', clip_inputs=dict(tree.get('policy', {}).get('clip_inputs', {})))
    return _built(
        ControlSpec,
        tree,
        '',
        clips=clips,
        ood=_built(OodSpec, tree, 'ood'),
        actions=specs,
        inputs={name: tuple(terms) for name, terms in tree.get('inputs', {}).items()},
        sources={name: build(SourceSpec, _given(tree, 'sources', name), name=name) for name in tree.get('sources', {})},
        terms={name: term_spec(name, **_given(tree, 'terms', name)) for name in tree.get('terms', {})},
    )

# SPDX-License-Identifier: Apache-2.0
"""The composition of an environment's observations and actions, as far as its source states it.

A layout does not concern topics: it is the training's side of the contract. `None` in place of a number
means that the environment used a number that the run's files do not contain: a user fills it in, by the
formula in `description` or `law`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
import math

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.policy.layouts.robot_joints import JointLimits
from rl_policy_node.policy.shared_types import Numbers, Shape

TERM_KINDS = ('field', 'last_action', 'unknown')
# Those of the node's action kinds that published tasks have, and 'other' for a law that is none of them.
ACTION_KINDS = (
    'joint_position',
    'joint_delta',
    'joint_velocity',
    'effort',
    'pose_delta',
    'twist',
    'wrench',
    'gripper',
    'raw',
    'discrete',
    'other',
)
CONVENTIONS = ('xyzw', 'wxyz', None)

# Quantity -> what its numbers are; frame and unit are the term's own.
QUANTITIES = {
    'joint_position': 'position of each joint',
    'joint_velocity': 'velocity of each joint',
    'joint_effort': 'force or torque at each joint',
    'position': 'x, y, z of a point',
    'orientation': 'unit quaternion, in the order of `convention`',
    'pose': 'position, then orientation',
    'relative_position': 'x, y, z minus those of `relative_to`, axes of the frame of both',
    'relative_orientation': 'unit quaternion: orientation times the inverse of that of `relative_to`',
    'yaw': 'turn about the vertical, ± pi',
    'linear_velocity': 'x, y, z',
    'angular_velocity': 'x, y, z',
    'linear_acceleration': 'x, y, z',
    'gravity': 'unit vector along gravity, in the frame of the subject: (0, 0, -1) when it is level',
    'rotated_gravity': "(0, 0, -1) turned by the subject's orientation, where `gravity` is turned by its inverse",
    'command': 'wanted velocity along x and y of the base, wanted yaw rate',
    'image': 'height, width, channels',
    'force_field': 'rows, columns of taxels, components of the force',
    'force': 'x, y, z',
    'torque': 'x, y, z',
    'height_scan': 'heights at the points of a grid',
    'last_action': 'the action before this one',
    'zeros': 'nothing but zeros',
    'setting': 'numbers that a person sets before the robot moves',
    'other': 'numbers that `description` defines, to be published as an array',
}


@dataclass(frozen=True)
class LayoutTerm:
    """One piece of an input: ((value - offset), clipped to ± clip) · scale, in the node's order of processing.

    shape: without the row dimension, history included; None where the run's files leave it open.
    kind: 'field' (of a source), 'last_action', 'unknown' (nothing but its size is known). smoothing: of last_action,
    share of the newest action in what is observed.
    quantity: a name of QUANTITIES. subject: what it is measured of, a name for the source
    (joints, base, ee, socket, object, goal, left_tactile, …).
    joints: names in the trained order; () where it is no joint's or the names are not known.
    offset, scale: one number for all or one each of a sample; () for none, None where the user must fill them in.
    clip: bound ± on value - offset; clip_range: (least, greatest) instead.
    history: number of samples stacked, oldest first; 0 for the newest alone.
    convention, unique_sign: order of a quaternion's numbers, None where the user must say it, and whether w is kept
    at 0 or more.
    elements: which of the quantity's numbers; () for all. relative_to: the subject that it is relative to.
    tare: whether the value at rest is taken off. zero_channels: those of an image that are set to zero.
    wanted: whether a person or a planner says it, at a rate of its own: a command or a goal, not a measurement; None
    where the layout leaves it to the name of the subject.
    subsample: every nth pixel of every nth row of an image is kept, None where the run does not state n; sensor_shape:
    of the image before that, () where it is not known. difference_to_mean: whether the mean of each channel over the
    image is taken off.
    count: what the term has one number for each of, where the run's files leave open how many; terms and
    actions of the same count have the same size.
    """

    name: str
    shape: Shape | None
    kind: str = 'field'
    quantity: str = 'other'
    subject: str = ''
    joints: tuple[str, ...] = ()
    offset: Numbers | None = ()
    clip: float = math.inf
    clip_range: Numbers = ()
    scale: Numbers | None = ()
    smoothing: float = 1.0
    history: int = 0
    convention: str | None = 'xyzw'
    unique_sign: bool = False
    elements: tuple[int, ...] = ()
    relative_to: str = ''
    tare: bool = False
    zero_channels: tuple[int, ...] = ()
    wanted: bool | None = None
    subsample: int | None = 1
    sensor_shape: Shape = ()
    difference_to_mean: bool = False
    count: str = ''
    frame: str = ''
    unit: str = ''
    description: str = ''

    def __post_init__(self) -> None:
        where = f'term {self.name}'
        _one_of('kind', self.kind, TERM_KINDS, where)
        _one_of('quantity', self.quantity, QUANTITIES, where)
        _one_of('convention', self.convention, CONVENTIONS, where)
        sample = None if self.size is None else self.size // max(1, self.history)
        _sized(self.offset, sample, f'{where}: offset')
        _sized(self.scale, sample, f'{where}: scale')
        if self.joints and self.size is not None and self.size != len(self.joints) * max(1, self.history):
            raise ConfigurationError(f'{where}: its shape is {self.shape}; it has {len(self.joints)} joints')

    @property
    def size(self) -> int | None:
        """Number of numbers, or None where the shape is not known."""
        return None if self.shape is None else math.prod(self.shape)

    @property
    def sample(self) -> Shape | None:
        """Shape of one sample of the history, or None where it is not known."""
        if self.shape is None or not self.history:
            return self.shape
        return (self.shape[0] // self.history,) if len(self.shape) == 1 else tuple(self.shape[1:])


@dataclass(frozen=True)
class LayoutAction:
    """A slice of the action, and the environment's law from it to a command.

    size: number of actions; None where the run's files leave it open.
    kind: the law, one of the node's action kinds, where the environment's is exactly that; 'other' where
    nothing but `law` says it.
    subject: what measures that which is commanded (joints, ee, …).
    joints: names in the order of the action. scale, offset: as in LayoutTerm; of joint_delta the step.
    position_scale (m), rotation_scale (rad) per unit of action, rotation_threshold (rad): of pose_delta.
    clip: bound ± on the action. integrate: what steps are added to: observed, target (the one sent last).
    smoothing: share of the new target in what was sent, None where the user must fill it in.
    lower, upper, max_velocity, max_effort: bounds that the environment itself put on its commands.
    open, closed: of a gripper that is open from action 0 on. initial: where a raw command began, None where no
    constant is known to be safe and the user must choose one.
    law: one line, in the words of the environment. count: as in LayoutTerm.
    measured: what exactly the source of `subject` must measure, where its name does not tell.
    """

    name: str
    size: int | None
    kind: str = 'other'
    subject: str = ''
    joints: tuple[str, ...] = ()
    scale: Numbers | None = ()
    offset: Numbers | None = ()
    position_scale: Numbers | None = ()
    rotation_scale: Numbers | None = ()
    rotation_threshold: float | None = None
    clip: float = math.inf
    integrate: str = ''
    smoothing: float | None = 1.0
    lower: Numbers = ()
    upper: Numbers = ()
    max_velocity: Numbers = ()
    max_effort: Numbers = ()
    open: Numbers = ()
    closed: Numbers = ()
    initial: Numbers | None = ()
    law: str = ''
    measured: str = ''
    count: str = ''

    def __post_init__(self) -> None:
        where = f'action {self.name}'
        _one_of('kind', self.kind, ACTION_KINDS, where)
        for name in ('scale', 'offset', 'lower', 'upper', 'max_velocity', 'max_effort', 'initial'):
            _sized(getattr(self, name), self.size, f'{where}: {name}')
        if self.joints and self.kind != 'gripper' and self.size != len(self.joints):
            raise ConfigurationError(f'{where}: its size is {self.size}; it has {len(self.joints)} joints')


@dataclass(frozen=True)
class Layout:
    """The observations and actions of one environment.

    inputs: input name → its terms in the trained order; a flat policy has the one input `obs`.
    actions: in the order of the action vector.
    joints: the simulation's joints in its own order, () where the asset leaves it open.
    notes: one line each, on actions of the environment that the robot's side must do as well, or must not repeat.
    control_rate: steps of the policy per second, Hz; None where the run's files leave it open.
    clip_observations: bound ± that the environment put on every number of its observation.
    source: who states terms and laws, '' for the environment of `task` as published. known: whether anyone does;
    else the parts of the observation and the law of the action are not known.
    limits: of joints, as a description of the robot or the simulator has them; drives: velocity and effort that the
    run's own drives allowed, of joints that have names.
    """

    task: str
    inputs: dict[str, tuple[LayoutTerm, ...]]
    actions: tuple[LayoutAction, ...] = ()
    joints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    control_rate: float | None = None
    clip_observations: float = math.inf
    source: str = ''
    known: bool = True
    limits: Mapping[str, JointLimits] = field(default_factory=dict)
    drives: Mapping[str, JointLimits] = field(default_factory=dict)

    @property
    def shapes(self) -> dict[str, Shape | None]:
        """Input name → shape without the row dimension, None where a term's size is not known.

        An input of one term has that term's shape, one of several the shape (sum of sizes,).
        """
        return {name: _shape(terms) for name, terms in self.inputs.items()}

    @property
    def num_actions(self) -> int | None:
        """Length of the action vector, or None where the size of a slice is not known."""
        return _sum(action.size for action in self.actions)


def _shape(terms: Sequence[LayoutTerm]) -> Shape | None:
    if len(terms) == 1:
        return terms[0].shape
    size = _sum(term.size for term in terms)
    return None if size is None else (size,)


def _sum(sizes: Iterable[int | None]) -> int | None:
    total = 0
    for size in sizes:
        if size is None:
            return None
        total += size
    return total


def _one_of(kind: str, name: str | None, valid: Collection[str | None], where: str) -> None:
    if name not in valid:
        raise unknown(kind, name, valid, where)


def _sized(values: Sized | None, size: int | None, where: str) -> None:
    if values is not None and size is not None and len(values) not in (0, 1, size):
        raise ConfigurationError(f'{where} has {len(values)} numbers; expected 1 or {size}')

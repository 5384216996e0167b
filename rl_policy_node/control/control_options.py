# SPDX-License-Identifier: Apache-2.0
"""The options of the control: timing, clips, blending, recovery, the guardian, and out-of-distribution checks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from rl_policy_node.errors import unfit, unknown
from rl_policy_node.options import option

TRIGGERS: Final = ('timer', 'observation', 'lockstep')
RESUMES: Final = ('on_request', 'automatic')
OOD_ACTIONS: Final = ('warn', 'hold', 'latch')


@dataclass(frozen=True)
class OodSpec:
    """When observations count as outside the distribution of training, and what happens then."""

    limit: float = option(
        6.0,
        'standard deviations from the mean of training, by the running mean and variance of the '
        "checkpoint's normaliser; a robot with a term that lies further off, smoothed, is out of "
        'distribution. The normaliser itself clamps at 5',
        low=1.0,
    )
    action: str = option(
        'warn',
        'what happens then: warn, in log and diagnostics; hold, the fallback, as with a '
        'sensor that is silent; latch, the fallback until ~/resume',
        choices=OOD_ACTIONS,
    )
    time: float = option(
        0.25,
        'time constant of the smoothing; and how long a number of a grid (taxels, pixels) '
        'stays the same, while its neighbours move, until it counts as frozen',
        unit='s',
        low=0.001,
        high=60.0,
    )
    clip_time: float = option(
        0.5,
        "how long a term may stay at its clip, the normaliser's or clip_observations",
        unit='s',
        low=0.001,
        high=600.0,
    )

    def __post_init__(self) -> None:
        if self.action not in OOD_ACTIONS:
            raise unknown('value', self.action, OOD_ACTIONS, 'ood.action')


@dataclass(frozen=True, kw_only=True)
class TimingOptions:
    """What starts a step and an episode, and which messages a step takes. control_rate is None until it is known."""

    control_rate: float | None = option(
        None,
        'steps of the policy per second; 0: as in the run',
        unit='Hz',
        low=0.0,
        high=2000.0,
        absent=0.0,
        from_run=True,
    )
    trigger: str = option(
        'timer',
        'what starts a step: timer (control_rate), observation (control_rate, once every source has a new '
        'message; sensors slower than 80 % of it put their robot on the fallback), lockstep (every source has a new '
        'message, and the simulator waits for the command)',
        choices=TRIGGERS,
    )
    lockstep_timeout: float = option(
        10.0, 'silence of a simulator in lockstep after which the fallback goes out', unit='s', low=0.1
    )
    alignment_reference: str = option(
        '',
        'source whose newest stamp is the reference of those with alignment asof; empty: the time of the step for '
        'trigger timer, else the oldest of the newest stamps',
    )
    episode_topic: str = option(
        '',
        "std_msgs/Header whose stamp is the start of the robot's episode; with rows, std_msgs/Int64MultiArray of "
        'the starts of all rows, ns. A new one resets the recurrent state of its row. Empty: none',
    )
    latency_budget: float = option(
        0.0,
        'age of observations that the policy bears, from their stamp until the command is sent; diagnostics and log '
        'warn while the 99th percentile is above it, and nothing else follows. `rl_policy evaluate --sweep` states it. '
        '0: none stated',
        unit='s',
        low=0.0,
        high=10.0,
    )

    def __post_init__(self) -> None:
        if self.trigger not in TRIGGERS:
            raise unknown('trigger', self.trigger, TRIGGERS, 'trigger')


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """Bounds ± on inputs and actions. None: not yet read from the run."""

    clip_observations: float | None = option(
        None,
        "clip every input to ± this, as the environment's clipObservations did; 0: as in the run, .inf: never",
        low=0.0,
        absent=0.0,
        from_run=True,
    )
    clip_actions: float | None = option(
        None,
        "clip every action to ± this, as the environment's clipActions did; 0: as in the run, .inf: never",
        low=0.0,
        absent=0.0,
        from_run=True,
    )
    clip_inputs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BlendOptions:
    """How much of the policy's command is sent."""

    blend_in: float = option(
        0.0,
        'time in which commands change from the held ones to those of the policy, after '
        'activation and after a fallback',
        unit='s',
        low=0.0,
        high=60.0,
    )
    blend: float = option(
        1.0,
        'share of the policy in a command: held + blend · (target − held); of velocities, '
        'efforts and wrenches, and of the steps of joint_delta and pose_delta',
        low=0.0,
        high=1.0,
        live=True,
    )


@dataclass(frozen=True, kw_only=True)
class RecoveryOptions:
    """When a robot that fell out acts again."""

    resume: str = option(
        'on_request',
        'how a robot that fell out comes back: on_request, by ~/resume alone; '
        'automatic, by itself where it was out for less than 1 s and took part from the activation '
        'on. In lockstep always by itself',
        choices=RESUMES,
    )
    resume_after: float = option(
        0.5,
        'time for which all data of a robot must arrive before it acts again; not in lockstep',
        unit='s',
        low=0.0,
        high=60.0,
    )
    latch_falls: int = option(
        3,
        'how often a robot may fall out within latch_window; one more time, and it stays out '
        'until ~/resume; not in lockstep',
        low=0,
        high=1000,
    )
    latch_window: float = option(10.0, 'see latch_falls', unit='s', low=0.0)

    def __post_init__(self) -> None:
        if self.resume not in RESUMES:
            raise unknown('value', self.resume, RESUMES, 'resume')


@dataclass(frozen=True, kw_only=True)
class GuardianOptions:
    """Whether another process watches the control loop."""

    guardian: bool = option(
        True,
        'a small separate process watches the control loop: when the loop falls silent, the process fences this '
        'node and publishes the fallback in its place, the last command of positions, zero of velocities, efforts and '
        'wrenches. Not in lockstep, where a simulator waits',
    )
    guardian_timeout: float | None = option(
        None,
        'silence of the control loop after which the guardian acts, 0.02 to 1 s, at least two periods of the '
        'control; 0: three periods, at least 0.1 s',
        unit='s',
        low=0.0,
        high=1.0,
        absent=0.0,
    )

    def __post_init__(self) -> None:
        if self.guardian_timeout is not None and not 0.02 <= self.guardian_timeout <= 1.0:
            raise unfit(
                "parameter 'guardian_timeout'",
                f'{self.guardian_timeout:g} s',
                '0.02 to 1 s, or 0 for three periods of the control',
            )

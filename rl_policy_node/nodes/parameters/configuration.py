# SPDX-License-Identifier: Apache-2.0
"""The content of a parameter file, as typed specifications."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.sensor_spec import SensorSpec
from rl_policy_node.nodes.policy.enable import EnableSpec
from rl_policy_node.nodes.policy.record.record_options import RecordSpec
from rl_policy_node.nodes.policy.robot_state import RobotStateSpec
from rl_policy_node.nodes.policy.streams import StreamSpec
from rl_policy_node.nodes.topics.links import LinkSpec
from rl_policy_node.options import group, mandatory, option, TO_PATHS
from rl_policy_node.policy.backend_names import BACKENDS
from rl_policy_node.sim.environment_specs import EnvironmentSpec
from rl_policy_node.sim.imperfections import ImperfectionSpec


@dataclass(frozen=True, kw_only=True)
class BackendOptions:
    """The backend that computes the actions."""

    backend: str = option(
        'auto',
        "how actions are computed: eager, by rl_games' player itself; onnx, by ONNX Runtime; cuda_graph, by a "
        'captured CUDA graph. Configure compares the last two with eager, and uses eager, with a warning, where they '
        'differ. auto: the fastest on the device',
        choices=BACKENDS,
    )
    tolerance: float = option(
        1e-5, "greatest difference of a backend's actions to those of rl_games' player; relative beyond 1", low=0.0
    )
    onnx_providers: tuple[str, ...] = option(
        (),
        "ONNX Runtime's execution providers, first choice first, such as TensorrtExecutionProvider; empty: CUDA on "
        'a GPU where this build has it, else the CPU',
    )
    threads: int = option(1, 'CPU threads that compute a step', low=1, high=256)


@dataclass(frozen=True, kw_only=True)
class PolicySpec:
    """The policy to load, and how to run it."""

    train_config: str = mandatory(
        str,
        "a run directory, or its configuration: rl_games' train YAML, IsaacGymEnvs' "
        "config.yaml, Isaac Lab's agent.yaml",
        refers_to=TO_PATHS,
    )
    checkpoint: str = option(
        '',
        "checkpoint that rl_games wrote (.pth); best or newest of the run's own; empty: best. "
        'Its weights alone are read',
        refers_to=TO_PATHS,
    )
    checkpoint_sha256: str = option('', 'checksum the checkpoint must have; empty: any')
    allow_untrusted_pickle: str = option(
        '', 'file name of a checkpoint that may RUN CODE while it is read; leave it empty: none'
    )
    overrides: tuple[str, ...] = option(
        (), "changes to the run's configuration in Hydra's form: name=value, +name=value, ~name"
    )
    plugins: tuple[str, ...] = option(
        (), 'Python modules, or .py files, that register networks, models or players with rl_games', refers_to=TO_PATHS
    )
    device: str = option('auto', 'torch device: auto, cpu, cuda:0, …')
    computing: BackendOptions = group(BackendOptions)
    deterministic: bool = option(True, 'act on the mean of the distribution instead of a sample')
    sigma: float | None = option(
        None, 'log standard deviation when sampling; NaN keeps the trained value', absent=float('nan')
    )
    spaces: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class SchedulingSpec:
    """Scheduling of the control thread."""

    priority: int = option(
        0,
        'SCHED_FIFO priority of the control thread, where the system permits it; below that of '
        "the robot's own drivers. 0: scheduled like any other",
        low=0,
        high=99,
    )
    cpus: tuple[int, ...] = option((), 'CPUs that the control thread keeps to; empty: any', low=0, high=4095)


@dataclass(frozen=True)
class PlaySpec:
    """How the bridge plays an environment, and what it writes. episodes, steps: None: no bound."""

    mode: str = option(
        'real_time',
        'real_time: at control_rate, /clock published, the last command held; lockstep: '
        'one step per command and nothing in between',
        choices=('real_time', 'lockstep'),
    )
    episodes: int | None = option(
        None, 'end after this many episodes of all robots together; 0: never', low=0, absent=0
    )
    steps: int | None = option(None, 'end after this many steps; 0: never', low=0, absent=0)
    record: str = option(
        '',
        'folder for a bag of each run: the messages of the bridge, and every observation, action and reward; split and '
        'limited as record says, relative to the working directory; empty: nothing is recorded',
    )
    summary: str = option('', '.json file of the figures of the run')

    @property
    def lockstep(self) -> bool:
        """Whether every step waits for its commands."""
        return self.mode == 'lockstep'


@dataclass(frozen=True, kw_only=True)
class SimSpec:
    """The environment that the bridge hosts, the way it is played, and the injected imperfections.

    sensors: source → the part of the simulator that it measures.
    """

    raw_state: bool = option(
        False,
        'publish what the drivers of a robot would, from the raw state of the simulator, where the environment offers '
        'it: any term and any frame; false: turn its observations round',
    )
    sensors: Mapping[str, SensorSpec] = field(default_factory=dict)
    environment: EnvironmentSpec = group(EnvironmentSpec)
    play: PlaySpec = group(PlaySpec)
    imperfections: ImperfectionSpec = group(ImperfectionSpec)


@dataclass(frozen=True)
class Configuration:
    """A whole parameter file."""

    policy: PolicySpec
    control: ControlSpec
    scheduling: SchedulingSpec
    sim: SimSpec
    enable: EnableSpec
    robot_state: RobotStateSpec
    links: LinkSpec
    stream: StreamSpec
    record: RecordSpec

# SPDX-License-Identifier: Apache-2.0
"""Images as observations: the latency from the camera to the command, and the share of decoding in it."""

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path

from rl_policy_node.nodes.bench.bench_parts import parts
from rl_policy_node.nodes.topics.transport import make_room
from rl_policy_node.tools.bench.latency import figures
from rl_policy_node.tools.bench.models import CNN, IMAGE
from rl_policy_node.tools.bench.names import ECHO, OURS
from rl_policy_node.tools.bench.probe import (
    CAMERA,
    COMMANDED,
    policy_node,
    policy_parameters,
    Probe,
    topics,
    write_parameters,
)
from rl_policy_node.tools.bench.section import Bench, Done, Results
from rl_policy_node.tools.process.processes import ToolProcess

SIZES, QUICK_SIZES = ((64, 64), (240, 320), (480, 640)), ((64, 64),)  # height, width
RATE = 30.0  # Hz


def measure(bench: Bench) -> Results:
    """Return {'cases': [{'height', 'width', 'nodes': who → figures in µs, 'parts': µs, 'decode_share'}]}."""
    sizes, runs, seconds = (QUICK_SIZES, 1, 1.0) if bench.quick else (SIZES, min(bench.runs, 3), 3.0)
    with bench.stage('images', len(sizes) * (1 + 2 * runs)) as done, room():
        cases = [case(bench, size, runs, seconds, done) for size in sizes]
    return {'model': CNN.words, 'rate': RATE, 'cases': cases}


@contextlib.contextmanager
def room() -> Iterator[None]:
    """Let nodes that start within the block use the package's DDS profile, unless the user has chosen one."""
    before = dict(os.environ)
    make_room()
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]


def case(bench: Bench, size: tuple[int, int], runs: int, seconds: float, done: Done) -> Results:
    """Return the figures of images of a size, height and width."""
    name, message = f'image_{size[0]}', {**CAMERA, 'shape': (*size, 3)}
    tree = parameters(bench.folder, f'{name}/ours', size)
    with Probe(bench.folder) as probe, contextlib.ExitStack() as started:
        nodes = {
            ECHO: ToolProcess(
                'echo',
                [
                    '-m',
                    'rl_policy_node.nodes.bench.bench_echo',
                    '--executor',
                    'events',
                    '--type',
                    message['type'],
                    *topics(f'{name}/echo').values(),
                ],
                bench.folder / f'{name}_echo.log',
            ),
            OURS: policy_node(bench.folder, tree, name),
        }
        found: dict[str, list[Results]] = {ECHO: [], OURS: []}
        for who, group in ((ECHO, f'{name}/echo'), (OURS, f'{name}/ours')):
            started.callback(nodes[who].stop)
            probe.open(group, message=message)
            probe.meet(group, nodes[who])
        done(f'{size[0]}×{size[1]}, nodes started')
        for _ in range(runs):
            for who, group in ((ECHO, f'{name}/echo'), (OURS, f'{name}/ours')):
                found[who].append(
                    probe.ask('measure', group=group, rate=RATE, seconds=seconds, pid=nodes[who].process.pid)
                )
                done(f'{size[0]}×{size[1]}, {who}')
    inside = parts(str(write_parameters(bench.folder, tree, name)), {'camera': message}, 20 if bench.quick else 200)
    latencies = {who: figures(each) for who, each in found.items()}
    return {
        'height': size[0],
        'width': size[1],
        'nodes': latencies,
        'parts': inside,
        'decode_share': inside['decode'] / latencies[OURS]['p50'],
    }


def parameters(folder: Path, group: str, size: tuple[int, int]) -> Results:
    """Return the parameters of a node that moves six joints by the image of a camera."""
    resize = {'resize': [IMAGE, IMAGE]} if size != (IMAGE, IMAGE) else {}
    places = topics(group)
    return {
        'policy': policy_parameters(folder, CNN),
        'control_rate': RATE,
        'trigger': 'observation',
        'autostart': True,
        'resume': 'automatic',
        'enable': 'none',
        'spaces': {'uint8': ['image'], 'observation': {'image': [IMAGE, IMAGE, 3]}},
        # the two nodes take turns: the sources of the idle one must not become stale
        'sources': {
            'camera': {'topic': places['observations'], 'type': CAMERA['type'], 'encoding': 'rgb8', 'max_age': 60.0}
        },
        'inputs': {'image': ['camera']},
        'terms': {'camera': {'source': 'camera', 'field': 'image', 'shape': [*size, 3], **resize}},
        'actions': {
            'terms': ['arm'],
            'arm': {
                'kind': 'joint_velocity',
                'joints': COMMANDED[:6],
                'topic': places['commands'],
                'type': 'sensor_msgs/msg/JointState',
                'limits': 'none',
            },
        },
    }

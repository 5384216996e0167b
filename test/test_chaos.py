# SPDX-License-Identifier: Apache-2.0
"""The pieces of benchmarks/chaos.py: mutations are what they say, bad commands are noticed, damaged files refused."""

import argparse
import importlib
from pathlib import Path
import random
import sys

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from rich.progress import Progress
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

FOLDER = Path(__file__).parents[1] / 'benchmarks'


@pytest.fixture(scope='module')
def chaos():
    """Return a function that imports a module of the benchmark."""
    sys.path.insert(0, str(FOLDER))
    yield lambda name: importlib.import_module(f'chaos_{name}')
    sys.path.remove(str(FOLDER))


def sound():
    message = JointState(name=['shoulder', 'elbow'], position=[0.1, 0.2], velocity=[0.0, 0.0])
    message.header.stamp.sec = 1_700_000_000
    return message


def test_mutations_are_what_they_say(chaos):
    fuzz, chance, payload = chaos('bytes'), random.Random(1), serialize_message(sound())
    made = {kind: [fuzz.mutated(chance, kind, payload, JointState) for _ in range(50)] for kind in fuzz.KINDS}
    assert all(len(each) < len(payload) and payload.startswith(each) for each in made['cut'])
    assert all(len(each) > len(payload) for each in made['grown'])
    assert all(each[:2] not in (b'\0\0', b'\0\1') for each in made['encapsulation'] if each[1] > 1)
    assert all(sum(bin(a ^ b).count('1') for a, b in zip(each, payload)) <= 8 for each in made['bits'])
    assert made['duplicate'][0] == payload
    read = {kind: [deserialize_message(each, JointState) for each in made[kind]] for kind in fuzz.OF_MESSAGES}
    assert any(not np.isfinite(each.position).all() for each in read['values'])
    assert any(each.name != sound().name for each in read['texts'])
    assert any(len(each.position) != 2 for each in read['sizes'])
    assert {each.header.stamp.sec > 1_700_000_000 for each in read['stamps']} == {True, False}


def test_commands_that_must_not_be_are_noticed(chaos):
    rig, second = chaos('rig'), 10**9
    for commands, fault in [
        ([0.0, 0.02, 0.04], ''),
        ([0.0, 0.2], 'jumps'),
        ([0.99, 1.01], 'outside'),
        ([0.0, float('nan')], 'not_finite'),
    ]:
        watch = rig.Watch()
        for number, command in enumerate(commands):
            watch.on(Float64MultiArray(data=[command] * 3), {'source_timestamp': second + number * second // 50})
        assert watch.broken is bool(fault) and (not fault or getattr(watch, fault) == 1), watch.figures()


def test_growth_is_of_what_comes_after_the_warm_up_in_each_segment(chaos):
    def segment(base, slope):
        return [{'elapsed': 10.0 * at, 'memory_mb': base + slope * at + (50.0 if at < 4 else 0.0)} for at in range(61)]

    flood = chaos('flood')
    flat = flood.growth([segment(300.0, 0.0), segment(310.0, 0.0), []], 'memory_mb')
    assert flat == {'change_percent': 0.0, 'slope_per_hour': 0.0}
    grown = flood.growth([segment(300.0, 0.1)], 'memory_mb')
    assert grown['change_percent'] == pytest.approx(100 * 5.0 / 300, rel=0.05)
    assert grown['slope_per_hour'] == pytest.approx(36.0)


def test_damaged_files_are_refused_in_one_clear_line_and_run_no_code(chaos, tmp_path):
    files = chaos('files')

    class Here:
        """Configures in this process."""

        def __init__(self, _folder):
            self.configure, self.stop = files.configure, lambda: None

    with Progress(disable=True) as progress:
        found = files.run(argparse.Namespace(seed=2, number=10), tmp_path, progress, Here)
    assert sum(found['results'].values()) == 10 and found['results']['refused'] and not files.broken(found), found

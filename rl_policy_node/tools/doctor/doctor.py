# SPDX-License-Identifier: Apache-2.0
"""`rl_policy doctor`: examine a robot before its policy acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import contextlib
from dataclasses import dataclass
import io
import json
import logging
from pathlib import Path
import signal
import sys
from typing import Final

from rich.console import Console

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.doctor.exercise import Exercise
from rl_policy_node.nodes.doctor.jog import JogSpec
from rl_policy_node.nodes.doctor.listening import Listening
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.dry_run import read_values
from rl_policy_node.nodes.policy.loading import completed, load_policy
from rl_policy_node.nodes.process.signals import ENDINGS
from rl_policy_node.nodes.topics.transport import keep_off_shared_memory
from rl_policy_node.tools.doctor.diagnosis import Diagnosis, FAULT
from rl_policy_node.tools.doctor.examination import Examination
from rl_policy_node.tools.doctor.file_lines import FileLines
from rl_policy_node.tools.doctor.joint_rules import joint_reports
from rl_policy_node.tools.doctor.moving import by_hand, by_jog, jogable, row_of
from rl_policy_node.tools.doctor.page import show
from rl_policy_node.tools.doctor.rest_rules import AT_REST

HEALTHY, UNWELL, INTERRUPTED = 0, 1, 130
WIDTH: Final = 110  # columns of the page in HTML, and in a pipe


@dataclass(frozen=True)
class Visit:
    """What to examine. seconds: to listen; each: s for each joint that is moved by hand; at_rest: see rest_rules.

    joints: whether to have joints moved by hand; jog: how to jog them, None: not at all. robot: its namespace, None:
    the first. settings, remaps: ROS arguments that change parameters and names. output: an HTML file, ''.
    """

    seconds: float = 5.0
    each: float = 8.0
    at_rest: float = AT_REST
    joints: bool = False
    jog: JogSpec | None = None
    robot: str | None = None
    settings: Sequence[str] = ()
    remaps: Sequence[str] = ()
    as_json: bool = False
    output: str = ''


class _Log:
    """Sends the log of the core to `logging`, which does not throttle."""

    _log = logging.getLogger(__name__)

    def info(self, text: str, **_: object) -> None:
        self._log.info(text)

    def warning(self, text: str, **_: object) -> None:
        self._log.info(text)

    def error(self, text: str, **_: object) -> None:
        self._log.error(text)


def doctor(path: str, visit: Visit) -> int:
    """Listen to the robot of a parameter file, step its policy in shadow, and print the verdicts.

    Publishes nothing unless `visit.jog`. Returns 0 for a healthy robot, 1 with verdicts, 130 after a signal. Raises
    ConfigurationError if it cannot run.
    """
    values = read_values(path, [*visit.settings, *visit.remaps])
    read = configuration(values)
    read.enable.check()
    policy = load_policy(read)
    control = completed(read.control, policy.facts, lambda text: None)
    row = row_of(control, visit.robot)
    if visit.jog is not None:
        jogable(control)
        if not read.enable.topic:
            raise ConfigurationError('--jog needs enable.topic: somebody has to hold the button that stops the robot')
        keep_off_shared_memory(['--ros-args', '--params-file', path])
    examination = Examination(path, visit.seconds, FileLines(path))
    with _interruptible() as running, Listening(values, read, control, policy, _Log(), visit.remaps) as listening:
        _say(f'listening for {visit.seconds:g} s; nothing is sent')
        listening.listen(visit.seconds, running)
        examination.judge(listening.heard, visit.at_rest)
        _move(listening, visit, row, examination, running)
        interrupted = not running()
    _print(examination, visit)
    if interrupted:
        return INTERRUPTED
    return HEALTHY if examination.healthy else UNWELL


def _move(listening: Listening, visit: Visit, row: int, examination: Examination, running: Callable[[], bool]) -> None:
    """Have the joints moved, and judge them."""
    exercises: list[Exercise] = []
    if visit.joints and running():
        exercises += by_hand(listening, row, visit.each, _say, running)
    if visit.jog is not None and running():
        try:
            exercises += by_jog(listening, row, visit.jog, _say, running)
        except ConfigurationError as error:
            examination.diagnoses.append(
                Diagnosis(
                    FAULT, 'jog', 'the jog', str(error), 'a robot that may be moved', 'mend that, and start it again'
                )
            )
    examination.judge_joints(joint_reports(exercises, listening.heard.control))


def _print(examination: Examination, visit: Visit) -> None:
    if visit.as_json:
        json.dump(examination.content(), sys.stdout, indent=2, allow_nan=False)
        print()
    elif sys.stdout.isatty():
        show(examination, Console())
    else:  # rich fills the lines of a table with spaces: strip them for a pipe
        plain = io.StringIO()
        show(examination, Console(file=plain, width=WIDTH))
        print('\n'.join(line.rstrip() for line in plain.getvalue().splitlines()))
    if visit.output:
        page = Console(record=True, width=WIDTH, file=io.StringIO())
        show(examination, page)
        Path(visit.output).write_text(page.export_html(), encoding='utf-8')


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Yield running(), which is False after the first signal that asks the process to end.

    The handlers of before come back afterwards.
    """
    asked: list[int] = []
    before = {number: signal.getsignal(number) for number in ENDINGS}
    for number in ENDINGS:
        if before[number] != signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: asked.append(number))
    try:
        yield lambda: not asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

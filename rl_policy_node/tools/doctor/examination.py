# SPDX-License-Identifier: Apache-2.0
"""All that the doctor found: verdicts, what was seen, and what could not be checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
import math

from rl_policy_node.nodes.doctor.heard import Heard
from rl_policy_node.tools.doctor.consent_rules import consent_rules
from rl_policy_node.tools.doctor.diagnosis import Diagnosis, of_a_fleet, worst_first
from rl_policy_node.tools.doctor.file_lines import FileLines
from rl_policy_node.tools.doctor.imu_rules import imu_rules
from rl_policy_node.tools.doctor.joint_rules import joint_rules, JointReport
from rl_policy_node.tools.doctor.rest_rules import AT_REST, rest_rules, rests
from rl_policy_node.tools.doctor.term_rules import term_rules
from rl_policy_node.tools.doctor.topic_rules import topic_rules


@dataclass
class Examination:
    """The result for a parameter file. seconds: for which it listened. notes: what could not be checked, and why."""

    parameters: str
    seconds: float
    lines: FileLines
    diagnoses: list[Diagnosis] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    topics: list[dict[str, object]] = field(default_factory=list)
    rest: list[dict[str, object]] = field(default_factory=list)
    joints: list[dict[str, object]] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """Whether there is no verdict."""
        return not self.diagnoses

    def judge(self, heard: Heard, at_rest: float = AT_REST) -> None:
        """Judge what was heard."""
        rules = topic_rules, consent_rules, term_rules, imu_rules
        found = [*(each for rule in rules for each in rule(heard)), *rest_rules(heard, at_rest)]
        self.diagnoses = worst_first(of_a_fleet(found) if heard.control.rows > 1 else found)
        self.topics = [
            {
                'source': traffic.source.spec.name,
                'topic': traffic.topic,
                'messages': len(traffic.received),
                'rate': traffic.rate,
                'longest_gap': float(traffic.gaps.max()) if traffic.gaps.size else None,
                'age': _number(traffic.age),
                'refused': traffic.refused,
                'frames': sorted(filter(None, traffic.frames)),
                'publishers': [peer.node for peer in heard.publishers_of(traffic.topic)],
            }
            for traffic in heard.traffic
        ]
        for rest in rests(heard):
            pull = rest.pull()
            self.rest.append(
                {'action': rest.name, 'steps': len(rest.target), 'pull': None if pull is None else pull.tolist()}
            )
            if rest.moves:
                self.notes.append(f'{rest.name}: the robot moved; what the policy wants at rest was not judged')
        self.notes += _unchecked(heard)

    def judge_joints(self, reports: Sequence[JointReport]) -> None:
        """Judge the joints that were moved."""
        self.diagnoses = worst_first([*self.diagnoses, *joint_rules(reports)])
        self.joints = [
            {
                'joint': report.exercise.joint,
                'asked': _number(report.exercise.asked),
                'moved': report.moved,
                'span': [_number(each) for each in report.span],
                'limits': [_number(each) for each in report.limits],
                'ended': report.exercise.ended,
            }
            for report in reports
        ]

    def content(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            'parameters': self.parameters,
            'seconds': self.seconds,
            'healthy': self.healthy,
            'verdicts': [
                {
                    'level': each.level,
                    'check': each.check,
                    'about': each.about,
                    'seen': each.seen,
                    'expected': each.expected,
                    'remedy': each.remedy,
                    'place': self.lines.place(each.parameter),
                }
                for each in self.diagnoses
            ],
            'notes': self.notes,
            'topics': self.topics,
            'rest': self.rest,
            'joints': self.joints,
        }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _unchecked(heard: Heard) -> list[str]:
    """Return a line for everything that could not be judged."""
    assert heard.watched is not None  # the doctor has listened
    notes = []
    if heard.fault:
        notes.append(f'the steps ended: {heard.fault.splitlines()[-1]}')
    if not heard.moments:
        notes.append('terms against training: the checkpoint has no running mean and variance of the inputs')
    if not heard.watched.actions:
        why = '; '.join(reason for reason, _ in heard.watched.reasons.most_common(2)) or 'its data never were complete'
        notes.append(f'what the policy wants at rest: it never acted: {why}')
    if heard.configuration.enable.none:
        notes.append('enable: none: nobody can stop the robot by letting go of a button; no jog either')
    elif not heard.enabled:
        notes.append(
            'the enabling message: none came; hold the button while the doctor listens to have its rate checked'
        )
    unread = sorted(set(heard.control.terms) - {name for name, samples in heard.watched.samples.items() if samples})
    waiting = [name for name in unread if heard.control.terms[name].reads]
    if waiting:
        notes.append(f'the values of {", ".join(waiting)}: their sources sent nothing')
    return notes

# SPDX-License-Identifier: Apache-2.0
"""`rl_policy replay --params FILE`: what the policy would do on the topics of a bag that others recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import json
from pathlib import Path
from typing import Protocol

import numpy as np
from rich.console import Console
import yaml

from rl_policy_node.nodes.parameters import parsing
from rl_policy_node.nodes.parameters.conversion import Value
from rl_policy_node.nodes.policy.topic_run import TopicMessage, TopicRun
from rl_policy_node.tools.replay.recorded_configuration import Changes
from rl_policy_node.tools.replay.side_by_side import SideBySide
from rl_policy_node.tools.replay.silent_log import SilentLog
from rl_policy_node.tools.settings import named_settings


class TopicBag(Protocol):
    """A bag of topics."""

    def messages(self) -> Iterator[TopicMessage]: ...


def replay_topics(
    bag: TopicBag, values: Mapping[str, Value], changes: Changes, json_file: str = '', console: Console | None = None
) -> None:
    """Run the policy of parameters on the topics of a bag, and print what it did beside the recorded commands.

    values: name → value of a parameter file. Raises ConfigurationError if the bag lacks a topic.
    """
    console = console or Console(soft_wrap=True)
    made = _changed(values, changes)
    run = TopicRun(parsing.configuration(made), SilentLog(), made.get('use_sim_time') is True)
    both = SideBySide(run.control)
    topics = {message.topic for message in bag.messages()}
    for action, rows, recorded, replayed in run.play(bag.messages(), topics):
        both.steps = run.steps
        every = np.ones(rows.stop - rows.start, dtype=bool)
        for field, value in replayed.items():
            both.note(f'{action}.{field}', recorded[field], value, every)
    both.steps = run.steps
    _print(run, both, console)
    if json_file:
        content = {'steps': run.steps, 'assumed': run.assumed, 'refused': run.refused, 'side_by_side': both.summary()}
        Path(json_file).write_text(json.dumps(content))


def _changed(values: Mapping[str, Value], changes: Changes) -> dict[str, Value]:
    """Return the values with changes."""
    made = dict(values)
    for name, text in named_settings(changes.settings, {}, 'replay').items():
        made[name] = yaml.safe_load(text)
    for name, value in (('policy.checkpoint', changes.checkpoint), ('policy.backend', changes.backend)):
        if value:
            made[name] = value
    return made


def _print(run: TopicRun, both: SideBySide, console: Console) -> None:
    table: Sequence[object] = both.table()
    if table:
        both.show(console)
    said = 'beside the recorded commands' if table else 'the bag has no commands to compare with'
    console.print(f'{run.steps} steps of {run.control.rows} robots, {said}', highlight=False)
    for name, count in run.refused.items():
        console.print(f"source '{name}': {count} messages refused", highlight=False)
    for text in run.assumed:
        console.print(f'assumed: {text}', highlight=False, markup=False)

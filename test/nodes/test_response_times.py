# SPDX-License-Identifier: Apache-2.0
"""Latency is timed to the last command of an answer, late ones included."""

from rl_policy_node.nodes.policy.response_times import ResponseTimes


def test_an_answer_is_complete_with_every_robot():
    answers = ResponseTimes((1, 2))
    answers.shown(100, 1, 5.0)
    answers.answer(100, 0, 0, 5.5)
    answers.answer(100, 0, 0, 5.6)
    assert not answers.latencies
    answers.answer(100, 0, 1, 6.0)
    assert list(answers.latencies) == [1.0]


def test_a_late_answer_counts_for_the_observation_it_answers():
    timed = {}
    answers = ResponseTimes((1, 1), timed.__setitem__)
    for step in range(1, 4):
        answers.shown(100 + step, step, float(step))
    answers.answer(101, 0, 0, 3.5)
    answers.answer(103, 0, 0, 3.6)
    assert timed == {1: 2.5, 3: 3.6 - 3.0}


def test_the_first_step_and_strangers_are_not_timed():
    answers = ResponseTimes((1, 1))
    answers.shown(100, 0, 0.0)
    answers.answer(100, 0, 0, 60.0)
    answers.answer(7, 0, 0, 61.0)
    assert not answers.latencies


def test_what_is_never_answered_is_forgotten():
    answers = ResponseTimes((1, 1))
    for step in range(1, 1000):
        answers.shown(step, step, float(step))
    answers.answer(1, 0, 0, 1000.0)
    assert not answers.latencies and len(answers._open) == 64

# SPDX-License-Identifier: Apache-2.0
"""A bridge and its loop without DDS: what is published is kept, commands are handed in."""

from dataclasses import replace

from nodes.stepper_bench import flat, Log

from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.simulator.bridge import Bridge
from rl_policy_node.nodes.simulator.bridge_loop import BridgeLoop
from rl_policy_node.nodes.simulator.run_recording import Run, RunRecording


class BridgeBench:
    """Plays an environment by a parameter tree.

    emitted: (stamp, starts of the episodes) of each frame; ended: of each step the episodes that ended with it.
    """

    def __init__(self, tree, environment):
        made = configuration(flat(tree))
        self.log, self.emitted, self.ended = Log(), [], []
        self.bridge = Bridge(made, environment)
        play = made.sim.play
        if play.record:
            run = Run('/bridge', {}, 1.0 / made.control.rate, play.lockstep)
            self.bridge.record.begin(RunRecording(run, replace(made.record, directory=play.record), self.log))
        self.loop = BridgeLoop(self.bridge, made.sim.play.lockstep, self.publish, self.ended.append, self.log)
        self.imperfections, self.record = self.bridge.imperfections, self.bridge.record
        self.commands = self.bridge.commands
        self.start, self.stop = self.loop.start, self.loop.stop
        self.pause, self.ask_reset = self.loop.pause, self.loop.ask_reset

    def publish(self, frame):
        self.frame = frame
        self.emitted.append((frame.stamp, frame.begun))

    def show(self, observations):
        """Show other observations than the environment's."""
        self.bridge._observed = observations
        self.loop._show()

    def message(self, name, row, stamp):
        """Return the message of a source for a row, as shown last."""
        source = self.bridge.sources[name]
        rows = next(rows for rows in source.groups if rows.start <= row < rows.stop)
        return source.message(self.bridge.imperfections.shown[name], rows, stamp)

    def receive(self, name, topic, message):
        self.commands.receive(name, topic, message)

    def summary(self):
        return self.record.summary(self.imperfections.summary())

    @property
    def steps(self):
        return self.record.steps

    @property
    def finished(self):
        return self.loop.finished

    @property
    def failed(self):
        return self.loop.failed

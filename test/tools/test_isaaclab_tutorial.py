# SPDX-License-Identifier: Apache-2.0
"""The way from Isaac Lab's training to motion, as typed in the tutorial.

Training is cut to two iterations, which cannot balance a pole; what follows takes the run that is kept with the tests.
"""

import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest
from sim.isaaclab_runs import lab_python, PATIENCE, RUNS, VARIABLES

TUTORIAL = Path(__file__).parents[2] / 'docs' / 'tutorials' / 'isaaclab.md'


@pytest.mark.lab
@pytest.mark.slow
def test_from_training_to_motion(tmp_path):
    section = TUTORIAL.read_text('utf-8').partition('## From training')[2].partition('## 1. Draft')[0]
    train, *commands = re.findall(r'^\$ (.*)$', section, re.MULTILINE)
    (tmp_path / 'isaaclab').symlink_to(Path(lab_python()).parents[1])
    train, count = re.subn(r'--max_iterations \d+', '--max_iterations 2', train)
    assert count == 1 and 'isaaclab train' in train
    typed(train, tmp_path)
    trained = tmp_path / 'logs' / 'rl_games' / 'cartpole'
    (run,) = trained.iterdir()
    assert json.loads((run / 'run.json').read_text())['task'] == 'Isaac-Cartpole'
    assert [*run.glob('nn/*.pth')] and (run / 'params' / 'env.yaml').exists()

    (named,) = set(re.findall(r'logs/rl_games/cartpole/(\S+)', ' '.join(commands)))
    shutil.copytree(RUNS / 'cartpole_manager', trained / named)
    said = [typed(command, tmp_path) for command in commands]
    shown = re.search(r'^robot\.yaml: \d blanks to fill in\n(?:  \S+\n)+', section, re.MULTILINE)[0]
    assert shown in said[1], 'what init leaves to the user'
    assert 'robot.yaml fits' in said[4]
    assert 'the same, episode by episode: all 64 have the same return (to the last bit)' in said[5]
    assert re.search(r'^return +4\.9', said[5], re.MULTILINE), 'the figure of the tutorial'
    assert 'two nodes, real time' in said[6] and re.search(r'^2 episodes', said[6], re.MULTILINE)


def typed(command, home):
    """Return what a command line of the tutorial prints, in a shell that finds rl_policy and ~/isaaclab."""
    path = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
    done = subprocess.run(
        ['bash', '-c', command],
        cwd=home,
        env={**os.environ, 'HOME': str(home), 'PATH': path, **VARIABLES},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout

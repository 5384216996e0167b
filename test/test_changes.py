# SPDX-License-Identifier: Apache-2.0
"""What a user adds to the package needs one new file and at most one line elsewhere: patches show it, and work."""

import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[1]
PATCHES = Path(__file__).with_name('changes')
MOST_FILES = 2
# patch → what it makes possible, in a process that imports the changed copy
WORKS = {
    'message_type': """
from geometry_msgs.msg import AccelStamped
from rl_policy_node.adapters import create_adapter
adapter, message = create_adapter('geometry_msgs/msg/AccelStamped'), AccelStamped()
message.accel.linear.z = 9.81
assert adapter.to_arrays(message)['linear_acceleration'].tolist() == [0.0, 0.0, 9.81]
""",
    'term_kind': """
import numpy as np
from control.harness import sources, value
from rl_policy_node.control.specs import term_spec
from rl_policy_node.nodes.parameters.reference import markdown
given = sources()
seen = value(given, (1,), term_spec('v', 'speed', source='base', field='linear'))
np.testing.assert_allclose(seen[:, 0], np.linalg.norm(given['base'].values['linear'], axis=1), rtol=1e-6)
assert '`terms.*.squared`' in markdown() and '| `speed` |' in markdown()
""",
    'action_kind': """
import numpy as np
from control.action_bench import measurements, manager, step
from rl_policy_node.control.specs import action_spec
from rl_policy_node.nodes.parameters.conversion import is_live
from rl_policy_node.nodes.parameters.reference import markdown
spec = action_spec('it', 'squashed', 'commands', '', size=2, fallback_value=0.0, gain=0.5)
sources = measurements()
made = manager(sources, spec, actions=2)
made.start(sources)
np.testing.assert_allclose(step(made, sources, np.full((3, 2), 4.0, np.float32))['data'], np.tanh(2.0))
assert is_live('actions.it.gain') and '| `squashed` |' in markdown()
made.check_change('actions.it.gain', [0.25])
""",
    'framework': """
from pathlib import Path
import yaml
from rl_policy_node.policy.run.trained_run import TrainedRun
params = {'algo': {'name': 'a2c_continuous'}, 'model': {'name': 'continuous_a2c_logstd'},
          'network': {'name': 'actor_critic'}, 'config': {'name': 'Run'}}
Path('run').mkdir()
Path('run/learner.yaml').write_text(yaml.safe_dump({'params': params}))
Path('run/world.yaml').write_text(yaml.safe_dump({'world': {'actions': 3, 'rate': 40.0}}))
facts = TrainedRun.read('run', None).facts
assert (facts.action.value, facts.control_rate.value) == (3, 40.0)
""",
    'backend': """
from pathlib import Path
from policy.small_runs import flat_run
from rl_policy_node.nodes.parameters.conversion import converted
from rl_policy_node.policy import Policy
assert converted('policy.backend', 'slow') == 'slow'
run = flat_run(Path('run'))
policy = Policy.load(run / 'train.yaml', run / 'Mine.pth', backend='slow', device='cpu')
assert policy.backend_report.startswith('backend slow') and not policy.fell_back, policy.backend_report
""",
    'simulator': """
import numpy as np
from rl_policy_node.nodes.parameters.conversion import converted
from rl_policy_node.sim import create_environment
from rl_policy_node.sim.environment_specs import EnvironmentSpec, PendulumSpec
assert converted('sim.length', 2) == 2.0
environment = create_environment(EnvironmentSpec('pendulum', 3, pendulum=PendulumSpec(2.0)))
assert environment.rows == 3 and environment.reset()['obs'].shape == (3, 2)
environment.step(np.zeros((3, 1), np.float32))
environment.close()
""",
    'command': """
import contextlib, io, sys
from rl_policy_node.tools.main import main
said = io.StringIO()
with contextlib.redirect_stdout(said):
    assert main(['names', sys.argv[1]]) == 0
assert said.getvalue().split()[0] == 'LF_HAA'
""",
}


def changed_files(patch):
    """Return the files that a patch touches."""
    return re.findall(r'^diff --git a/(\S+)', patch.read_text('utf-8'), re.MULTILINE)


def test_every_patch_is_tried():
    assert sorted(WORKS) == sorted(patch.stem for patch in PATCHES.glob('*.patch'))


@pytest.mark.parametrize('name', WORKS)
def test_a_change_touches_few_files_and_works(name, tmp_path):
    patch = PATCHES / f'{name}.patch'
    files = changed_files(patch)
    assert 0 < len(files) <= MOST_FILES and all(file.startswith('rl_policy_node/') for file in files)
    shutil.copytree(
        ROOT / 'rl_policy_node', tmp_path / 'rl_policy_node', ignore=shutil.ignore_patterns('__pycache__', '*.pth')
    )
    subprocess.run(['git', 'apply', patch], cwd=tmp_path, check=True)
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(tmp_path), str(ROOT / 'test')])}
    done = subprocess.run(
        [sys.executable, '-c', WORKS[name], ROOT / 'config' / 'anymal.yaml'],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr

# SPDX-License-Identifier: Apache-2.0
"""The parameter file config/anymal.yaml for tasks that are laid out as IsaacGymEnvs' ANYmal tasks are."""

from config.rehearsal import CONFIG
from sim.isaacgym_runs import ROWS, STAND
from tools.verify_bench import flat
import yaml

# the file of config/ for the task on terrain; on flat ground gravity is turned the other way, and angles are relative
FLAT = {
    'terms.gravity.inverse': False,
    'inputs.obs': ['lin_vel', 'ang_vel', 'gravity', 'command_xy', 'command_yaw', 'joint_pos', 'joint_vel', 'actions'],
}


def tree(task, **changes):
    """Return the parameters of config/anymal.yaml for a task of the stand, one robot a row."""
    parameters = yaml.safe_load((CONFIG / 'anymal.yaml').read_text())['/**']['ros__parameters']
    if task == 'Anymal':
        parameters['terms']['joint_pos']['offset'] = parameters['actions']['legs']['offset']
        del parameters['terms']['heights'], parameters['sources']['height_scan']
        changes = {**FLAT, **changes}
    return {
        **flat(parameters),
        'policy.train_config': str(STAND / 'runs' / task),
        'robots': [f'robot_{row}' for row in range(ROWS)],
        'sim.environment': 'isaacgym',
        'sim.raw_state': True,
        **changes,
    }

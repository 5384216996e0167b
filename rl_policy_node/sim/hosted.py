"""One face for every environment that keeps IsaacGymEnvs' contract: numpy in, numpy out."""
import numpy as np
import torch


class HostedEnvironment:
    """Wraps an environment: observations become input → (rows, *shape) arrays, whatever their form was.

    The environment gives an array, a tensor, `{'obs': …}` or `{'obs': {…}, 'states': …}`; the flat
    forms become the one input `obs`.
    """

    def __init__(self, environment):
        self.environment = environment
        self.num_actions = int(np.prod(environment.action_space.shape))

    @property
    def shapes(self):
        """Input → shape without the row dimension."""
        space = self.environment.observation_space
        spaces = getattr(space, 'spaces', None)
        return {name: tuple(s.shape) for name, s in spaces.items()} if spaces else {'obs': tuple(space.shape)}

    @property
    def control_rate(self):
        """Steps per second the environment was made for, or None where it does not say."""
        return getattr(self.environment, 'control_rate', None)

    @property
    def qpos(self):
        """Generalised positions (rows, n) for rendering, or None."""
        return getattr(self.environment, 'qpos', None)

    def reset(self):
        """Return the observations of new episodes in every row."""
        return _observations(self.environment.reset())

    def step(self, actions):
        """Take actions (rows, actions), float32.

        Returns observations, rewards (rows,), dones (rows,) bool, and successes (rows,) bool or None.
        """
        device = getattr(self.environment, 'rl_device', 'cpu')
        observations, rewards, dones, infos = self.environment.step(torch.from_numpy(actions).to(device))
        successes = infos.get('successes') if isinstance(infos, dict) else None
        return (_observations(observations), _array(rewards), _array(dones).astype(bool),
                None if successes is None else _array(successes).astype(bool))


def _observations(observations):
    if isinstance(observations, dict) and 'obs' in observations:
        observations = observations['obs']
    if not isinstance(observations, dict):
        observations = {'obs': observations}
    return {name: _array(value) for name, value in observations.items()}


def _array(value):
    return value.detach().cpu().numpy() if hasattr(value, 'detach') else np.asarray(value)

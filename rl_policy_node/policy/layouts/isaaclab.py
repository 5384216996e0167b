"""Layouts of Isaac Lab's environments, read from a run's params/env.yaml."""


def read_layout(env, params):
    """Return the Layout of a run's env.yaml, None where it does not tell."""
    return None

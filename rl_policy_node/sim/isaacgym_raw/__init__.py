# SPDX-License-Identifier: Apache-2.0
"""What a robot's drivers would measure, from the tensors that a task of IsaacGymEnvs holds.

The folder is self-contained, in Python 3.6's syntax: isaacgym.py loads it by its path. Isaac Gym's conventions:
quaternions are x, y, z, w; the poses of a row are in the frame of its own environment (ant.py adds get_env_origin to
draw them in the world); a linear velocity is that of the centre of mass (tacsl_env_insertion.py, refresh_env_tensors).
"""

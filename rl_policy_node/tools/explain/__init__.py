# SPDX-License-Identifier: Apache-2.0
"""Says why a policy works in simulation and not on the robot, from a recording of each."""

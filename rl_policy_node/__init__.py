# SPDX-License-Identifier: Apache-2.0
"""Deploy policies trained with rl_games on robots through ROS 2."""

# SPDX-License-Identifier: Apache-2.0
"""Why two recordings of other episodes differ, such as a robot's and a simulator's."""

# SPDX-License-Identifier: Apache-2.0
"""`rl_policy bench`: steps, messages and starts beside what users have now, and beside the floor of the machine."""

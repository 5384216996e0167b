# SPDX-License-Identifier: Apache-2.0
"""`rl_policy replay`: recomputes the steps of a bag."""

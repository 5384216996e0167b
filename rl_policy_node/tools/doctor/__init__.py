# SPDX-License-Identifier: Apache-2.0
"""`rl_policy doctor`: a robot examined before its policy acts."""

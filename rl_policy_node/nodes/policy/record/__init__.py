# SPDX-License-Identifier: Apache-2.0
"""The recorder: a bag for each activation of the policy node."""

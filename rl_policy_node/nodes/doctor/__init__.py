# SPDX-License-Identifier: Apache-2.0
"""What the doctor hears, steps and, if the user starts a jog, moves."""

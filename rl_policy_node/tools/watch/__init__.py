# SPDX-License-Identifier: Apache-2.0
"""Shows running policy nodes: in the terminal, and to Foxglove."""

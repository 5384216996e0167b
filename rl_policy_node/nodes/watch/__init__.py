# SPDX-License-Identifier: Apache-2.0
"""Listens to running policy nodes from another process."""

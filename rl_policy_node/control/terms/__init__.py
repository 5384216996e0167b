# SPDX-License-Identifier: Apache-2.0
"""Observation terms: one named piece of an input each.

A term is a kind (`kinds.KINDS`), which computes a value, followed by the same steps for every kind, in Isaac Lab's
order: − offset → clip → × scale → history. A kind that only picks values can be inverted: a simulator's observation
becomes the message that it would have come from.
"""

# SPDX-License-Identifier: Apache-2.0
"""Observation terms: each is one named piece of an input.

A term has a kind (`kinds.KINDS`), which computes a value; the same steps follow for every kind, in Isaac Lab's
order: − offset → clip → × scale → history. A kind that only picks values can be inverted: it turns a simulator's
observation into the message that would have led to it.
"""

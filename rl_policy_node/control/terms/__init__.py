# SPDX-License-Identifier: Apache-2.0
"""Observation terms: one named piece of an input each.

A term is a kind (`kinds.KINDS`), which gives a value, and what is done to every value alike, in Isaac
Lab's order: − offset → clip → × scale → history. A kind that only picks values can be turned round, so
that a simulator's observation becomes the message it would have come from.
"""

# SPDX-License-Identifier: Apache-2.0
"""What scripts/gpu_check is made of: packing, the parts of the check, and their tables."""

# SPDX-License-Identifier: Apache-2.0
"""The parameters of the observation terms."""
from typing import Final

from rl_policy_node.control.terms.term_spec import CHOICES, TERM_KINDS
from rl_policy_node.nodes.parameters.declaration import INF, Parameter, REQUIRED

_p = Parameter

TERMS: Final = (
    _p('inputs.*', 'string[]', REQUIRED, 'terms of an input of the network, in the order of training; a flat policy '
       'has the one input obs'),

    _p('terms.*.kind', 'string', 'field', 'what the term computes', choices=TERM_KINDS),
    _p('terms.*.source', 'string', '', 'its source'),
    _p('terms.*.field', 'string', '', 'field of the source; of kinds that need a position or an orientation, by '
       'default `position`, `orientation`'),
    _p('terms.*.joints', 'string[]', [], "joints by name, in the order of training; {robot} in a name is the robot's "
       'namespace'),
    _p('terms.*.elements', 'integer[]', [], 'numbers of the field (or of the last action) by position, from 0', low=0),
    _p('terms.*.shape', 'integer[]', [], 'shape of the field in the source (of a function: of its result); by '
       'default that of the input, where it has no other term', low=1),
    _p('terms.*.offset', 'double[]', [], 'subtracted from the value, one for all or one each'),
    _p('terms.*.clip', 'double', INF, 'bound ± on value − offset', low=0.0),
    _p('terms.*.clip_range', 'double[]', [], 'bounds [least, greatest] on value − offset, instead of clip'),
    _p('terms.*.scale', 'double[]', [], 'multiplied after the clip, one for all or one each'),
    _p('terms.*.history', 'integer', 1, 'samples of the term, oldest first, flattened; the first one after a reset '
       'fills all (Isaac Lab: `history_length`)', low=1, high=1000),
    _p('terms.*.history_stride', 'integer', 1, 'steps between two samples of the history', unit='steps',
       low=1, high=1000),
    _p('terms.*.convention', 'string', 'xyzw', 'order of quaternions in training: '
       'IsaacGymEnvs and Isaac Lab from 3.0 on xyzw, older Isaac Lab wxyz; sources are xyzw',
       choices=CHOICES['convention']),
    _p('terms.*.unique_sign', 'bool', False, 'quaternions with w ≥ 0 only (Isaac Lab: `quat_unique`)'),
    _p('terms.*.crop', 'integer[]', [], 'images: top, left, height, width that are kept', unit='pixels', low=0),
    _p('terms.*.depth_clip', 'double[]', [], 'images: near and far that the value is clipped to, and nothing else',
       unit='m', low=0.0),
    _p('terms.*.subsample', 'integer', 1, 'images: every nth pixel of every nth row is kept, as TacSL does', low=1),
    _p('terms.*.resize', 'integer[]', [], "images: height, width; Pillow's bilinear filter with antialias",
       unit='pixels', low=1),
    _p('terms.*.channels', 'integer[]', [], 'images: channels by index, in this order; [2, 1, 0] makes RGB of BGR',
       low=0),
    _p('terms.*.grey', 'bool', False, 'images: one channel, 0.299 red + 0.587 green + 0.114 blue'),
    _p('terms.*.zero_channels', 'integer[]', [], 'images and force fields: channels set to zero', low=0),
    _p('terms.*.layout', 'string', 'hwc', 'images: order of height, width, channels', choices=CHOICES['layout']),
    _p('terms.*.difference_to_tare', 'bool', False, 'minus the mean of tare_frames messages at rest; without that tare '
       'the robot does not act'),
    _p('terms.*.tare_frames', 'integer', 10, 'messages that a tare averages', low=1, high=10000),
    _p('terms.*.tare_limit', 'double', INF, "greatest spread of a number over these messages, its largest minus its "
       "smallest, in the field's unit before offset and scale; beyond it the robot moves or touches something, and the "
       'tare begins anew, with the fallback meanwhile. It does not detect a steady touch. .inf: not checked', low=0.0),
    _p('terms.*.tare_on_activate', 'bool', True, 'take the tare at activation; else only by ~/tare'),
    _p('terms.*.orientation', 'string', 'orientation', 'relative_orientation, relative_pose: field of the target'),
    _p('terms.*.frame_source', 'string', '', "source of the frame's pose; rotate: by default the vector's"),
    _p('terms.*.frame_position', 'string', 'position', "field of the frame's position"),
    _p('terms.*.frame_orientation', 'string', 'orientation', "field of the frame's orientation"),
    _p('terms.*.yaw_only', 'bool', False, "keep of the frame's orientation the turn about z"),
    _p('terms.*.axes', 'string', 'frame', 'relative_*: axes that the result is in', choices=CHOICES['axes']),
    _p('terms.*.inverse', 'bool', True, 'projected_gravity, rotate: turn into the frame, by the inverse of its '
       'orientation; false: by the orientation'),
    _p('terms.*.six_d', 'string', 'columns', 'rotation_6d: which numbers of the matrix, in which order',
       choices=CHOICES['six_d']),
    _p('terms.*.minus_source', 'string', '', 'difference: source of the subtrahend'),
    _p('terms.*.minus_field', 'string', '', 'difference: field of the subtrahend'),
    _p('terms.*.frequency', 'double', 0.0, 'phase: cycles per second', unit='Hz', low=0.0, high=1000.0),
    _p('terms.*.values', 'double[]', [], 'constant: the numbers'),
    _p('terms.*.function', 'string', '', 'function: package.module:function'),
    _p('terms.*.fields', 'string[]', [], 'function: its fields, source.field each'),
)

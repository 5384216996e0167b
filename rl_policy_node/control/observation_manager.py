"""From the values of sources to the inputs of the network, in the order of training, and back."""
import numpy as np

from rl_policy_node.control.observation_terms import build_term
from rl_policy_node.errors import ConfigurationError


class ObservationManager:
    """Computes one float32 array (rows, *shape) per input of the network.

    Terms of one input are flattened and concatenated in the order of `inputs.<name>`. Everything is
    resolved here, once: a term that does not fit the trained shapes is refused by name.
    """

    def __init__(self, spec, shapes, buffers, joints, num_actions):
        self._clip = spec.clip_observations
        if set(spec.inputs) != set(shapes):
            raise ConfigurationError(f'inputs are {sorted(spec.inputs)}; the policy was trained with {sorted(shapes)}')
        self._shapes = {name: shapes[name] for name in spec.inputs}
        self._terms = {name: [build_term(spec.terms[term], buffers, joints, num_actions) for term in terms]
                       for name, terms in spec.inputs.items()}
        for name, shape in self._shapes.items():
            _check_size(name, self._terms[name], shape)

    def reset(self, rows):
        """Forget what rows (mask) have seen: their histories begin with the next sample."""

    def compute(self, sources, context):
        """Return input → (rows, *shape), clipped to ±clip_observations, as the environment did."""
        return {name: self._input(name, sources, context) for name in self._shapes}

    def _input(self, name, sources, context):
        parts = [term.compute(sources, context) for term in self._terms[name]]
        rows = len(parts[0])
        value = parts[0] if len(parts) == 1 else np.concatenate([p.reshape(rows, -1) for p in parts], axis=1)
        value = value.reshape(rows, *self._shapes[name])
        return np.clip(value, -self._clip, self._clip) if np.isfinite(self._clip) else value

    def scatter(self, inputs, sources):
        """Write into `sources` the values that would have given `inputs`: the simulator's direction."""
        for name, terms in self._terms.items():
            flat = np.asarray(inputs[name]).reshape(len(inputs[name]), -1)
            start = 0
            for term in terms:
                stop = start + int(np.prod(term.shape))
                term.scatter(flat[:, start:stop].reshape(len(flat), *term.shape), sources)
                start = stop

    def fields(self):
        """Return the set of (source, field) that some term reads."""
        return {(term.spec.source, term.spec.field) for terms in self._terms.values()
                for term in terms if term.spec.kind == 'field'}


def _check_size(name, terms, shape):
    sizes = {term.spec.name: int(np.prod(term.shape)) for term in terms}
    wanted = int(np.prod(shape))
    if sum(sizes.values()) != wanted:
        listed = ', '.join(f'{term} {size}' for term, size in sizes.items())
        raise ConfigurationError(f"input '{name}': its terms have {sum(sizes.values())} numbers ({listed}); "
                                 f'the policy was trained with {wanted} (shape {shape})')
    if len(terms) == 1 and len(terms[0].shape) > 1 and tuple(terms[0].shape) != tuple(shape):
        raise ConfigurationError(f"input '{name}': its term has the shape {terms[0].shape}; "
                                 f'the policy was trained with {shape}')

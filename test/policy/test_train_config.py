"""Train configs: every form a run leaves behind, overrides by name, and refusals in one line."""
import pytest
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.train_config import TrainConfig

TRAIN = """
params:
  seed: 42
  algo: {name: a2c_continuous}
  model: {name: continuous_a2c_logstd}
  network:
    name: actor_critic
    mlp: {units: [256, 128], activation: elu}
  config:
    name: Ant
    full_experiment_name: ${.name}
    learning_rate: 3.0e-4
    normalize_input: True
"""


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a text to a file and returns its path."""
    def write(text, name='train.yaml'):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path
    return write


@pytest.fixture
def path(write):
    return write(TRAIN)


def refusal(path, overrides=()):
    """Return the one line with which reading is refused."""
    with pytest.raises(ConfigurationError) as error:
        TrainConfig.read(path, overrides)
    assert '\n' not in str(error.value)
    return str(error.value)


def test_train_yaml_is_read_with_its_interpolations(path):
    config = TrainConfig.read(str(path))
    assert config.path == path and config.network == 'actor_critic' and config.normalize_input
    assert config.params['config']['full_experiment_name'] == 'Ant'
    assert config.params['network']['mlp'] == {'units': [256, 128], 'activation': 'elu'}
    assert type(config.params['network']['mlp']['units']) is list


def test_input_is_not_normalized_unless_the_file_says_so(path):
    assert not TrainConfig.read(path, ['~params.config.normalize_input']).normalize_input


def test_config_of_a_run_is_read_by_its_train_half(write):
    run = {'task': {'env': {'numActors': 512, 'name': 'Ant'}}, 'train': yaml.safe_load(TRAIN)}
    run['train']['params']['config'].update(full_experiment_name='${....task.env.name}',
                                            num_actors='${task.env.numActors}')
    config = TrainConfig.read(write(yaml.safe_dump(run), 'config.yaml'))
    assert set(config.params) == {'seed', 'algo', 'model', 'network', 'config'}
    assert config.params['config']['full_experiment_name'] == 'Ant'
    assert config.params['config']['num_actors'] == 512


@pytest.mark.parametrize('text, value', [
    ('false', False), ('1e-4', 1e-4), ('7', 7), ('slow', 'slow'), ('[1, 2]', [1, 2]), ('{a: 1}', {'a': 1}),
    ('null', None), ('a=b', 'a=b'), ("'7'", '7')])
def test_override_sets_a_value_of_the_type_it_reads_as(path, text, value):
    config = TrainConfig.read(path, [f'params.config.learning_rate={text}'])
    assert config.params['config']['learning_rate'] == value
    assert type(config.params['config']['learning_rate']) is type(value)


def test_override_changes_nothing_else(path):
    before = TrainConfig.read(path).params
    after = TrainConfig.read(path, ['params.network.mlp.activation=relu']).params
    assert after['network']['mlp'].pop('activation') == 'relu'
    before['network']['mlp'].pop('activation')
    assert after == before


def test_plus_adds_a_name_and_the_branches_to_it(path):
    params = TrainConfig.read(path, ['+params.config.player.games_num=5', '+extra=1']).params
    assert params['config']['player'] == {'games_num': 5}


def test_tilde_takes_a_name_away(path):
    params = TrainConfig.read(path, ['~params.network.mlp', '~params.seed']).params
    assert 'mlp' not in params['network'] and 'seed' not in params


def test_overrides_count_in_their_order_and_before_interpolation(path):
    params = TrainConfig.read(path, ['params.config.name=Bee', 'params.config.name=Cat']).params
    assert params['config']['full_experiment_name'] == 'Cat'


def test_override_reaches_the_train_half_of_a_run(write):
    run = write(yaml.safe_dump({'task': {}, 'train': yaml.safe_load(TRAIN)}))
    assert TrainConfig.read(run, ['train.params.config.name=Bee']).params['config']['name'] == 'Bee'


@pytest.mark.parametrize('override, told', [
    ('params.config.lr=1',
     "override 'params.config.lr=1': {path} has no 'params.config.lr'; write +params.config.lr=…"),
    ('params.agent.x=1', "{path} has no 'params.agent.x'"),
    ('params.seed.x=1', "{path} has no 'params.seed.x'"),
    ('~params.config.lr', "{path} has no 'params.config.lr'"),
    ('params.seed', "override 'params.seed': expected name=value, +name=value or ~name"),
    ('+params.fresh', "override '+params.fresh': expected name=value, +name=value or ~name"),
    ('params.seed=[1,', "override 'params.seed=[1,': its value is not YAML"),
])
def test_override_of_an_unknown_name_or_without_a_value_is_refused(path, override, told):
    assert told.format(path=path) in refusal(path, [override])


@pytest.mark.parametrize('override, told', [
    ('~params', r'no `params`; it has []'),
    ('~params.algo', 'params.algo is missing; params has '),
    ('~params.network', 'params.network is missing'),
    ('params.config=7', 'params.config is missing'),
    ('~params.model.name', 'params.model.name is missing'),
])
def test_what_is_missing_is_named(path, override, told):
    assert f'train config {path}: {told}' in refusal(path, [override])


@pytest.mark.parametrize('text, told', [
    (b'a: [1, 2', 'not a YAML file'),
    (b'\x80\x02}q\x00X\xff\xfe', 'not a YAML file'),
    (b'- a\n- b\n', 'expected a mapping with `params`'),
    (b'', 'no `params`'),
    (b'env: {a: 1}', "no `params`; it has ['env']"),
    (b'params: [1]', 'no `params`'),
    (TRAIN.replace('${.name}', '${task.name}').encode(), 'task'),
])
def test_file_that_is_no_train_config_is_refused_by_name(write, text, told):
    path = write(text)
    message = refusal(path)
    assert message.startswith(f'train config {path}: ') and told in message


def test_missing_file_is_named(tmp_path):
    assert refusal(tmp_path / 'none.yaml') == f'train config {tmp_path / "none.yaml"}: no such file'

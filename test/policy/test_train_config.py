# SPDX-License-Identifier: Apache-2.0
"""Train configs: every form a run leaves behind, overrides by name, and refusals in one line."""

import pytest
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.run.train_config import TrainConfig

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
    assert config.path == path and config.params['network']['name'] == 'actor_critic'
    assert config.params['config']['full_experiment_name'] == 'Ant'
    assert config.params['network']['mlp'] == {'units': [256, 128], 'activation': 'elu'}
    assert type(config.params['network']['mlp']['units']) is list


def test_config_of_a_run_is_read_by_its_train_half(write):
    run = {'task': {'env': {'numActors': 512, 'name': 'Ant'}}, 'train': yaml.safe_load(TRAIN)}
    run['train']['params']['config'].update(
        full_experiment_name='${....task.env.name}', num_actors='${task.env.numActors}'
    )
    config = TrainConfig.read(write(yaml.safe_dump(run), 'config.yaml'))
    assert set(config.params) == {'seed', 'algo', 'model', 'network', 'config'}
    assert config.params['config']['full_experiment_name'] == 'Ant'
    assert config.params['config']['num_actors'] == 512


@pytest.mark.parametrize(
    'text, value',
    [
        ('false', False),
        ('1e-4', 1e-4),
        ('7', 7),
        ('slow', 'slow'),
        ('[1, 2]', [1, 2]),
        ('{a: 1}', {'a': 1}),
        ('null', None),
        ("'a=b'", 'a=b'),
        ("'7'", '7'),
    ],
)
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


@pytest.mark.parametrize(
    'override, told',
    [
        (
            'params.config.lr=1',
            "{path}: Could not override 'params.config.lr'; To append to your config use +params.config.lr=1",
        ),
        ('params.agent.x=1', "{path}: Could not override 'params.agent.x'"),
        ('params.seed.x=1', "{path}: Could not override 'params.seed.x'"),
        ('~params.config.lr', "{path}: Could not delete from config. 'params.config.lr' does not exist"),
        ('params.seed', "override 'params.seed': missing EQUAL at '<EOF>'; expected Hydra's form: name=value"),
        ('+params.fresh', "override '+params.fresh': missing EQUAL at '<EOF>'"),
        ('params.seed=[1,', "override 'params.seed=[1,': no viable alternative at input '[1,'"),
        ('task=Ant', 'override task=…: {path} does not lie in a tree of configurations'),
        ('+train=Ant', 'override train=…: {path} does not lie in a tree of configurations'),
    ],
)
def test_override_that_fits_nothing_is_refused(path, override, told):
    assert told.format(path=path) in refusal(path, [override])


@pytest.mark.parametrize(
    'override, told',
    [
        ('~params', r'no `params`; it has []'),
        ('~params.algo', 'params.algo is missing; params has '),
        ('~params.network', 'params.network is missing'),
        ('params.config=7', 'params.config is missing'),
        ('~params.model.name', 'params.model.name is missing'),
    ],
)
def test_what_is_missing_is_named(path, override, told):
    assert f'train config {path}: {told}' in refusal(path, [override])


@pytest.mark.parametrize(
    'text, told',
    [
        (b'a: [1, 2', "not a YAML file (expected ',' or ']', but got '<stream end>', line 1)"),
        (b'\x80\x02}q\x00X\xff\xfe', 'not a YAML file'),
        (b'- a\n- b\n', 'expected a mapping of names to values, got list'),
        (b'', 'the file is empty'),
        (b'env: {a: 1}', "no `params`; it has ['env']"),
        (b'params: [1]', 'no `params`'),
        (
            b'seed: 42\nnum_steps_per_env: 24\npolicy: {}\nalgorithm: {class_name: PPO}',
            'It looks like one of rsl_rl; this package deploys policies of rl_games. Expected an rl_games train YAML',
        ),
        (b'seed: 42\nmodels: {}\nagent: {class: PPO}\ntrainer: {}', 'It looks like one of skrl; this package'),
        (
            TRAIN.replace('activation: elu', "activation: '${nowhere}'").encode(),
            "params.network.mlp.activation cannot be resolved: Interpolation key 'nowhere' not found",
        ),
        (
            TRAIN.replace('normalize_input: True', 'normalize_input: ${..x}').encode(),
            'params.config.normalize_input cannot be resolved',
        ),
        (
            TRAIN.replace('activation: elu', "activation: '???'").encode(),
            'params.network.mlp.activation cannot be resolved: a mandatory value',
        ),
    ],
)
def test_file_that_is_no_train_config_is_refused_by_name(write, text, told):
    path = write(text)
    message = refusal(path)
    assert message.startswith(f'train config {path}: ') and told in message


def test_missing_file_is_named(tmp_path):
    assert refusal(tmp_path / 'none.yaml') == f'train config {tmp_path / "none.yaml"}: no such file'


def test_what_playing_does_not_need_may_stay_unresolved(write):
    config = TrainConfig.read(write(TRAIN.replace('3.0e-4', '${...headless_lr}')))
    assert 'learning_rate' not in config.params['config']
    assert "'headless_lr' not found" in config.unresolved['params.config.learning_rate']


ISAAC_GYM = """
params:
  seed: ${...seed}
  algo: {name: a2c_continuous}
  model: {name: continuous_a2c_logstd}
  network: {name: actor_critic, mlp: {units: [8], activation: elu}}
  load_checkpoint: ${if:${...checkpoint},True,False}
  config:
    name: ${resolve_default:Ant,${....experiment}}
    multi_gpu: ${....multi_gpu}
    num_actors: ${....task.env.numEnvs}
    max_epochs: ${resolve_default:500,${....max_iterations}}
    lr: 5e-4
"""


def test_what_isaac_gym_envs_refers_to_above_the_file_is_there(write):
    params = TrainConfig.read(write(ISAAC_GYM)).params
    assert params['seed'] == 42 and params['load_checkpoint'] is False
    assert params['config'] == {'name': 'Ant', 'multi_gpu': False, 'num_actors': 1, 'max_epochs': 500, 'lr': 5e-4}


def test_overrides_reach_what_the_file_refers_to(write):
    params = TrainConfig.read(write(ISAAC_GYM), ['seed=7', 'experiment=Mine', 'task.env.numEnvs=8']).params
    assert (params['seed'], params['config']['name'], params['config']['num_actors']) == (7, 'Mine', 8)


def test_defaults_list_is_composed_from_the_files_beside(write):
    write(ISAAC_GYM, 'AntPPO.yaml')
    child = write('defaults: [AntPPO, _self_]\nparams: {network: {mlp: {units: [4]}}}', 'AntSmall.yaml')
    params = TrainConfig.read(child, ['params.network.mlp.activation=relu']).params
    assert params['network'] == {'name': 'actor_critic', 'mlp': {'units': [4], 'activation': 'relu'}}
    assert params['config']['max_epochs'] == 500


def test_defaults_list_that_names_a_missing_file_is_refused(write):
    assert 'Could not' in refusal(write('defaults: [Nobody, _self_]\nparams: {}'))


def test_of_a_name_that_stands_twice_the_last_counts_as_for_rl_games(write):
    params = TrainConfig.read(write(TRAIN.replace('seed: 42', 'seed: 42\n  seed: 43'))).params
    assert params['seed'] == 43


def test_task_is_not_chosen_for_a_file_that_lies_in_no_tree(write):
    write(ISAAC_GYM, 'AntPPO.yaml')
    child = write('defaults: [AntPPO, _self_]\nparams: {}', 'AntSmall.yaml')
    assert 'override task=…: ' in refusal(child, ['task=Ant'])


@pytest.mark.parametrize('factor, units', [(2, [16]), (1, [8]), (0.5, [4])])
def test_model_size_multiplier_widens_the_mlp(write, factor, units):
    text = ISAAC_GYM.replace('activation: elu', f'activation: elu, model_size_multiplier: {factor}')
    assert TrainConfig.read(write(text)).params['network']['mlp']['units'] == units


def test_model_size_multiplier_that_gives_half_a_unit_is_refused(write):
    text = ISAAC_GYM.replace('activation: elu', 'activation: elu, model_size_multiplier: 0.3')
    assert 'model_size_multiplier gives 2.4 units' in refusal(write(text))


@pytest.fixture
def tree(tmp_path):
    """A tree of configurations as IsaacGymEnvs has it: config.yaml, task/, train/."""
    for name, text in {
        'config.yaml': "num_envs: ''\nexperiment: ''\ncheckpoint: ''\nseed: 1\nmulti_gpu: False\n"
        "max_iterations: ''\ndefaults: [{task: Ant}, {train: '${task}PPO'}, _self_]",
        'task/Ant.yaml': 'name: Ant\nenv: {numEnvs: "${resolve_default:64,${...num_envs}}", clipActions: 1.0}',
        'task/Bee.yaml': 'name: Bee\nenv: {numEnvs: 3}',
        'train/AntPPO.yaml': ISAAC_GYM,
        'train/AntBig.yaml': ISAAC_GYM,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_train_config_in_a_tree_gets_the_task_that_chooses_it(tree):
    config = TrainConfig.read(tree / 'train' / 'AntPPO.yaml')
    assert config.task['name'] == 'Ant' and config.params['seed'] == 1
    assert config.params['config']['num_actors'] == config.task['env']['numEnvs'] == 64


def test_task_of_a_train_config_is_chosen_by_an_override(tree):
    config = TrainConfig.read(tree / 'train' / 'AntBig.yaml', ['task=Bee', 'task.env.numEnvs=5'])
    assert config.task['name'] == 'Bee' and config.params['config']['num_actors'] == 5


def test_task_is_not_guessed_where_the_tree_does_not_tell(tree):
    assert TrainConfig.read(tree / 'train' / 'AntBig.yaml').task == {}


def test_unknown_task_is_refused_with_those_there_are(tree):
    message = refusal(tree / 'train' / 'AntBig.yaml', ['task=Cat'])
    assert "'task/Cat'" in message and 'Ant' in message and 'Bee' in message


def test_whole_tree_is_read_from_its_top(tree):
    config = TrainConfig.read(tree / 'config.yaml', ['train=AntBig'])
    assert config.task['name'] == 'Ant' and config.params['config']['name'] == 'Ant'


def test_reading_leaves_hydra_and_its_resolvers_as_they_were(path):
    from hydra.core.global_hydra import GlobalHydra
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver('eq', lambda a, b: 'mine', replace=True)
    TrainConfig.read(path)
    assert OmegaConf.create({'a': '${eq:1,1}'}).a == 'mine'
    assert not OmegaConf.has_resolver('resolve_default') and not GlobalHydra.instance().is_initialized()
    OmegaConf.clear_resolver('eq')

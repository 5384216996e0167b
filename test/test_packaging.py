# SPDX-License-Identifier: Apache-2.0
"""The declarations that colcon, rosdep and pip read, held against each other and against the code."""

import ast
import configparser
from importlib import metadata
from pathlib import Path
import re
import runpy
import sys
import xml.etree.ElementTree as ElementTree

from imports import imports, python_files, ROOT
import pytest

PACKAGE = 'rl_policy_node'
ROS_PYTHON = {'rclpy', 'rosidl_parser', 'launch', 'launch_ros', 'ament_index_python', 'tf2_ros'}
NOT_ON_PYPI = {'launch', 'launch_ros', 'tf2_ros_py'}
# Where ROS' name, and pip's, is not that of the module.
PACKAGES = {'tf2_ros': 'tf2_ros_py'}
DISTRIBUTIONS = {'PIL': 'pillow', 'foxglove': 'foxglove-sdk', 'hydra': 'hydra-core', 'yaml': 'pyyaml'}
DISTRIBUTIONS_OF_ROS = ('jazzy', 'kilted')

# NVIDIA's own downloads, and Isaac Lab: a simulator lies in a Python of its own.
SIMULATORS = {'isaacgym', 'isaacgymenvs', 'isaaclab', 'isaaclab_rl', 'isaaclab_tasks'}


@pytest.fixture
def arguments(monkeypatch):
    """Return what setup.py hands to setuptools."""
    setuptools = pytest.importorskip('setuptools')
    captured = {}
    monkeypatch.setattr(setuptools, 'setup', captured.update)
    monkeypatch.chdir(ROOT)
    runpy.run_path(str(ROOT / 'setup.py'))
    return captured


@pytest.fixture
def manifest():
    """Return the root element of package.xml."""
    return ElementTree.parse(ROOT / 'package.xml').getroot()


def _top_level_imports():
    files = [*python_files(ROOT / PACKAGE), *python_files(ROOT / 'launch')]
    return {module.split('.')[0] for file in files for _, module in imports(file)} - {PACKAGE}


def _message_types():
    """Yield the names, as in `std_msgs/msg/Header`, that the code and the configuration mention."""
    for file in python_files(ROOT / PACKAGE):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from re.findall(r'^\w+/(?:msg|srv)/\w+$', node.value)
    for file in (ROOT / 'config').rglob('*.yaml'):
        yield from re.findall(r'\w+/(?:msg|srv)/\w+', file.read_text(encoding='utf-8'))


def _ros_packages():
    imported = {
        PACKAGES.get(name, name)
        for name in _top_level_imports()
        if name in ROS_PYTHON or re.fullmatch(r'\w+_(msgs|srvs|interfaces)', name)
    }
    return imported | {name.split('/')[0] for name in _message_types()}


def _names(requirements):
    return {re.match(r'[\w.-]+', requirement)[0].lower().replace('_', '-') for requirement in requirements}


def test_versions_agree(arguments, manifest):
    assert arguments['version'] == manifest.findtext('version')


def test_installed_version_agrees(arguments):
    try:
        installed = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        pytest.skip(f'{PACKAGE} is not installed')
    assert installed == arguments['version']


def test_names_and_licenses_agree(arguments, manifest):
    assert arguments['name'] == manifest.findtext('name') == PACKAGE
    assert arguments['license'] == manifest.findtext('license') == 'Apache-2.0'
    assert 'Apache License' in (ROOT / 'LICENSE').read_text()


def test_ros_packages_in_use_are_in_package_xml(manifest):
    declared = {element.text for element in manifest.findall('exec_depend')}
    assert _ros_packages() - declared == set()


@pytest.mark.parametrize('distribution', DISTRIBUTIONS_OF_ROS)
def test_ros_packages_in_use_are_among_the_wheels(arguments, distribution):
    wanted = {f'ros-{distribution}-{name.replace("_", "-")}' for name in _ros_packages() - NOT_ON_PYPI}
    assert wanted - _names(arguments['extras_require'][distribution]) == set()


@pytest.mark.parametrize('distribution', DISTRIBUTIONS_OF_ROS)
def test_every_ros_wheel_is_pinned_once(arguments, distribution):
    pinned = arguments['extras_require'][distribution]
    assert all(re.fullmatch(r'[\w-]+==[\d.]+', requirement) for requirement in pinned)
    assert len(_names(pinned)) == len(pinned)


def test_the_sets_of_ros_wheels_name_the_same_packages(arguments):
    jazzy, kilted = (
        {name.replace(f'ros-{distribution}-', '') for name in _names(arguments['extras_require'][distribution])}
        for distribution in DISTRIBUTIONS_OF_ROS
    )
    assert jazzy - kilted == {'fastrtps', 'fastrtps-cmake-module'}  # Fast DDS 2, under its former name
    assert kilted - jazzy == {'fastdds', 'rmw-security-common'}


def test_the_pins_are_all_that_the_installed_ros_wheels_need(arguments):
    """One set of wheels is installed, whole, and nothing of it but what the pins say."""
    installed = {
        name: distribution.version
        for distribution in metadata.distributions()
        for name in [distribution.metadata['Name'].lower().replace('_', '-')]
        if name.startswith('ros-')
    }
    if 'ros-wheels-bootstrapper' not in installed:
        pytest.skip('ROS is not from wheels')
    sets = [distribution for distribution in DISTRIBUTIONS_OF_ROS if f'ros-{distribution}-rclpy' in installed]
    assert len(sets) == 1, f'the wheels of {" and ".join(sets)} are in one environment: make clean'
    pins = dict(requirement.split('==') for requirement in arguments['extras_require'][sets[0]])
    assert {name: installed.get(name) for name in pins} == pins
    assert {name.replace(f'ros-{sets[0]}-', 'ros-') for name in pins} == {
        name for name in installed if not name.startswith(f'ros-{sets[0]}-')
    }


def test_third_party_imports_are_declared(arguments):
    extras = arguments['extras_require'].values()
    declared = _names([*arguments['install_requires'], *(name for extra in extras for name in extra)])
    third_party = _top_level_imports() - ROS_PYTHON - SIMULATORS - _ros_packages() - sys.stdlib_module_names
    wanted = {DISTRIBUTIONS.get(name, name.replace('_', '-')) for name in third_party}
    assert wanted - declared == set()


def test_pip_never_forbids_a_newer_python_or_torch(arguments):
    assert arguments['python_requires'] == '>=3.10'
    (torch,) = [name for name in arguments['install_requires'] if name.startswith('torch')]
    assert re.fullmatch(r'torch(>=[\d.]+)?', torch)


def test_launch_files_config_files_and_layouts_are_installed(arguments):
    wanted = {
        file.relative_to(ROOT)
        for folder in ('launch', 'config', 'layouts')
        for file in (ROOT / folder).rglob('*')
        if file.is_file() and '__pycache__' not in file.parts
    }
    installed = {Path(file): Path(folder) for folder, files in arguments['data_files'] for file in files}
    assert {file: installed.get(file) for file in wanted} == {
        file: Path('share', PACKAGE) / file.parent for file in wanted
    }


def test_data_of_the_package_is_installed(arguments):
    folder = ROOT / PACKAGE
    matched = {file for pattern in arguments['package_data'][PACKAGE] for file in folder.glob(pattern)}
    wanted = {file for file in folder.rglob('[!.]*') if file.is_file() and file.suffix not in ('.py', '.pyc')}
    assert wanted and wanted - matched == set()


def test_every_folder_of_code_is_installed(arguments):
    folders = {file.parent.relative_to(ROOT) for file in python_files(ROOT / PACKAGE)}
    assert set(arguments['packages']) == {'.'.join(folder.parts) for folder in folders}


def test_ament_finds_the_package(arguments, manifest):
    assert manifest.findtext('export/build_type') == 'ament_python'
    assert ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']) in arguments['data_files']
    assert (f'share/{PACKAGE}', ['package.xml']) in arguments['data_files']
    assert (ROOT / 'resource' / PACKAGE).is_file()


def test_ros2_run_finds_the_scripts():
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg')
    assert config['develop']['script_dir'] == config['install']['install_scripts'] == f'$base/lib/{PACKAGE}'


@pytest.mark.parametrize('script', ['policy_node', 'sim_bridge_node', 'rl_policy'])
def test_script_has_a_main(arguments, script):
    scripts = dict(entry.split(' = ') for entry in arguments['entry_points']['console_scripts'])
    module, function = scripts[script].split(':')
    tree = ast.parse((ROOT / f'{module.replace(".", "/")}.py').read_bytes())
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_python_file_names_its_license():
    files = [
        file
        for folder in ('rl_policy_node', 'launch', 'scripts', 'benchmarks', 'test')
        for file in python_files(ROOT / folder)
    ]
    texts = {file: file.read_text('utf-8') for file in [*files, ROOT / 'setup.py', ROOT / 'scripts' / 'gpu_check']}
    bare = [
        str(file)
        for file, text in texts.items()
        if text.strip() and not re.match(r'(#!.*\n)?# SPDX-License-Identifier: Apache-2.0\n', text)
    ]
    assert len(files) > 300 and bare == []

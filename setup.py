# SPDX-License-Identifier: Apache-2.0
"""Packaging for colcon, in a robot's workspace, and for pip, on a machine without ROS."""

from glob import glob
import os

from setuptools import find_packages, setup

package_name = 'rl_policy_node'

# ROS for machines without it, as wheels of PyPI for x86-64 Linux: Jazzy's for Python 3.10 to 3.12, Kilted's for
# 3.10 to 3.13. Each set is pinned whole: pip has nothing to search, and what was tested is what comes.
# One row per repository of ROS, whose packages share a version: (version in Jazzy, in Kilted), packages.
ROS = [
    # what this package imports
    (('7.1.6', '9.1.2'), 'rclpy'),
    (('8.4.3', '9.3.3'), 'rmw-fastrtps-cpp rmw-fastrtps-shared-cpp'),
    (('5.3.6', '5.5.1'), 'diagnostic-msgs geometry-msgs nav-msgs sensor-msgs std-msgs std-srvs trajectory-msgs'),
    (
        ('2.0.3', '2.3.0'),
        (
            'action-msgs builtin-interfaces lifecycle-msgs rcl-interfaces rosgraph-msgs service-msgs '
            'type-description-interfaces'
        ),
    ),
    (('1.8.1', '1.11.0'), 'ament-index-cpp ament-index-python'),
    # linters of ROS
    (('0.17.3', '0.19.2'), 'ament-flake8 ament-lint ament-pep257'),
    # what that needs
    (
        ('0.17.3', '0.19.2'),
        ('ament-cmake-cppcheck ament-cmake-cpplint ament-cmake-flake8 ament-cmake-pep257 ament-cmake-uncrustify'),
    ),
    (('2.2.5', '2.3.3'), 'fastcdr'),
    (('2.14.5', None), 'fastrtps'),  # Fast DDS, renamed
    ((None, '3.2.3'), 'fastdds'),
    (('3.6.2', None), 'fastrtps-cmake-module'),
    (('1.3.1', '1.3.1'), 'foonathan-memory-vendor'),
    (('1.6.3', '1.7.1'), 'libyaml-vendor'),
    (('9.2.8', '10.1.3'), 'rcl rcl-action rcl-lifecycle rcl-yaml-param-parser'),
    (('3.1.1', '3.2.3'), 'rcl-logging-interface rcl-logging-spdlog'),
    (('2.11.2', '2.13.5'), 'rcpputils'),
    (('6.7.4', '6.9.8'), 'rcutils'),
    (('7.3.2', '7.8.2'), 'rmw rmw-implementation-cmake'),
    ((None, '7.8.2'), 'rmw-security-common'),
    (('3.1.0', '4.0.0'), 'rmw-dds-common'),
    (('2.15.6', '3.0.4'), 'rmw-implementation'),
    (
        ('4.6.6', '4.9.5'),
        (
            'rosidl-adapter rosidl-cli rosidl-cmake rosidl-generator-c rosidl-generator-cpp '
            'rosidl-generator-type-description rosidl-parser rosidl-pycommon rosidl-runtime-c '
            'rosidl-runtime-cpp rosidl-typesupport-interface rosidl-typesupport-introspection-c '
            'rosidl-typesupport-introspection-cpp'
        ),
    ),
    (('0.2.0', '0.3.1'), 'rosidl-core-runtime'),
    (('1.6.0', '1.7.1'), 'rosidl-default-runtime'),
    (('0.1.2', '0.3.1'), 'rosidl-dynamic-typesupport'),
    (('0.1.0', '0.4.1'), 'rosidl-dynamic-typesupport-fastrtps'),
    (('0.22.2', '0.24.2'), 'rosidl-generator-py'),
    (('3.2.2', '3.3.3'), 'rosidl-typesupport-c rosidl-typesupport-cpp'),
    (('3.6.2', '3.8.1'), 'rosidl-typesupport-fastrtps-c rosidl-typesupport-fastrtps-cpp'),
    (('0.4.2', '0.6.3'), 'rpyutils'),
    (('1.6.1', '1.7.0'), 'spdlog-vendor'),
    (('8.2.4', '8.6.0'), 'tracetools'),
    (('2.5.0', '2.7.0'), 'unique-identifier-msgs'),
]

RECORD = ['lz4>=3.1,<5', 'mcap>=1.2,<2', 'msgpack>=1.0.3,<2', 'zstandard>=0.18,<1']


def ros(distribution):
    """Return the requirements of ROS' wheels: `ros-<distribution>-<package>` stands for one `ros-<package>`."""
    column = ('jazzy', 'kilted').index(distribution)
    return [
        'ros-wheels-bootstrapper==0.1.2',
        *(
            f'ros-{distribution}-{package}=={versions[column]}'
            for versions, packages in ROS
            if versions[column]
            for package in packages.split()
        ),
    ]


def share(pattern):
    """Return the `data_files` that put the matching files under share/, in the folders they have here."""
    return [
        (os.path.join('share', package_name, os.path.dirname(file)), [file])
        for file in sorted(glob(pattern, recursive=True))
    ]


setup(
    name=package_name,
    version='0.1.0',
    description='Deploys policies trained with rl_games on robots through ROS 2',
    license='Apache-2.0',
    maintainer='rl_policy_node maintainers',
    maintainer_email='noreply@example.com',
    packages=find_packages(include=[package_name, f'{package_name}.*']),
    package_data={package_name: ['models/*/*', 'policy/layouts/*.yaml']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{package_name}']),
        (f'share/{package_name}', ['package.xml']),
        *share('launch/*.launch.py'),
        *share('config/**/*.yaml'),
        *share('config/**/*.md'),
        *share('config/**/*.xml'),
        *share('layouts/*'),
        *share('benchmarks/plain_node.py'),
    ],
    zip_safe=False,
    python_requires='>=3.10',
    # The one place that says which versions are wanted. Lower bounds reach back to Ubuntu 22.04,
    # upper ones stop at what has been run.
    install_requires=[
        'gymnasium>=0.29.1,<2',
        'hydra-core>=1.3,<1.4',
        'numpy>=1.21,<3',
        'omegaconf>=2.3,<2.4',
        'Pillow>=9,<14',
        'PyYAML>=6.0,<7',
        'rich>=12,<16',
        'rl-games>=1.6.5,<1.7',
        # No upper bound: a robot's own build, such as a Jetson's, must never be replaced by pip.
        'torch>=2.5',
    ],
    extras_require={
        # the backend `onnx`: ten times faster than rl_games' player where rows are few
        'onnx': ['onnx>=1.16,<1.24', 'onnxruntime>=1.19,<1.33'],
        'bench': ['matplotlib>=3.5,<4'],
        # record.directory: a bag of each activation
        'record': RECORD,
        # `rl_policy watch --foxglove`
        'watch': ['foxglove-sdk>=0.30,<0.31'],
        # with bags, which a demo and an evaluation leave, and their reports are made from
        'sim': [
            *RECORD,
            'imageio>=2.14.1,<3',  # Gymnasium's MuJoCo environments import it
            'imageio-ffmpeg>=0.5,<0.7',  # videos in reports; brings a program of its own, ffmpeg
            'matplotlib>=3.5,<4',
            'mujoco>=3.17,<4.1',  # 4.0 needs Python 3.11; 3.17, the last for 3.10, steps alike
        ],
        # Only for machines without ROS: a robot has these from its own distribution. One of the two, never both.
        'jazzy': ros('jazzy'),
        'kilted': ros('kilted'),
        'test': [
            'flake8>=6,<8',  # ament_flake8 runs it
            'hypothesis>=6,<7',
            'mypy>=2.4,<3',
            'pydocstyle>=6,<7',  # ament_pep257 runs it
            'pytest>=7,<10',
            'pytest-xdist>=3.8,<4',
            'rosbags>=0.11,<0.12',  # reads the bags, independently
            *RECORD,
            'ruff>=0.17,<0.18',
            'setuptools',  # test_packaging.py reads setup.py through it
            'types-PyYAML>=6.0,<7',
            'websockets>=13,<18',  # a client of the server for Foxglove
        ],
    },
    entry_points={
        'console_scripts': [
            'policy_node = rl_policy_node.nodes.entry:policy_node',
            'sim_bridge_node = rl_policy_node.nodes.entry:sim_bridge_node',
            'rl_policy = rl_policy_node.tools.main:main',
        ]
    },
)

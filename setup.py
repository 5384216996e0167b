"""Packaging for colcon, in a robot's workspace, and for pip, on a machine without ROS."""
from glob import glob
import os

from setuptools import find_packages, setup

package_name = 'rl_policy_node'


def share(pattern):
    """Return the `data_files` that put the matching files under share/, in the folders they have here."""
    return [(os.path.join('share', package_name, os.path.dirname(file)), [file])
            for file in sorted(glob(pattern, recursive=True))]


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
        'onnx': [
            'onnx>=1.16,<1.24',
            'onnxruntime>=1.19,<1.33',
        ],
        'bench': ['matplotlib>=3.5,<4'],
        'sim': [
            'imageio>=2.14.1,<3',   # Gymnasium's MuJoCo environments import it
            'matplotlib>=3.5,<4',
            'mujoco>=3.17,<4.1',    # 4.0 needs Python 3.11; 3.17, the last for 3.10, steps alike
        ],
        # Only for machines without ROS: a robot has these from its own distribution.
        'ros': [
            'ros-rclpy>=9.1,<9.2',
            'ros-rmw-fastrtps-cpp>=9.3,<9.4',
            'ros-builtin-interfaces>=2.3,<2.4',
            'ros-diagnostic-msgs>=5.5,<5.6',
            'ros-geometry-msgs>=5.5,<5.6',
            'ros-lifecycle-msgs>=2.3,<2.4',
            'ros-nav-msgs>=5.5,<5.6',
            'ros-rcl-interfaces>=2.3,<2.4',
            'ros-rosgraph-msgs>=2.3,<2.4',
            'ros-sensor-msgs>=5.5,<5.6',
            'ros-std-msgs>=5.5,<5.6',
            'ros-std-srvs>=5.5,<5.6',
            'ros-trajectory-msgs>=5.5,<5.6',
        ],
        'test': [
            'hypothesis>=6,<7',
            'pytest>=7,<10',
            'pytest-xdist>=3,<4',
            'setuptools',       # test_packaging.py reads setup.py through it
        ],
    },
    entry_points={
        'console_scripts': [
            'policy_node = rl_policy_node.nodes.entry:policy_node',
            'sim_bridge_node = rl_policy_node.nodes.entry:sim_bridge_node',
            'rl_policy = rl_policy_node.tools.main:main',
        ],
    },
)

"""What all tests share: ROS messages check their fields, and properties see the same examples every time."""
import os

os.environ.setdefault('ROS_PYTHON_CHECK_FIELDS', '1')        # read when a message class is imported

from hypothesis import settings                                         # noqa: E402

settings.register_profile('seeded', derandomize=True, deadline=None, database=None, max_examples=60)
settings.load_profile('seeded')

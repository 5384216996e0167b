"""Deploy policies trained with rl_games on robots through ROS 2."""

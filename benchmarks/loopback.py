# SPDX-License-Identifier: Apache-2.0
"""The transports of a policy node on a robot, on this machine alone: UDP without shared memory.

With ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST, which private_domain() sets, ROS chooses the transports itself, and among
them shared memory. What times the commands would then time the pauses of Fast DDS' discovery as well.
"""

import os
from pathlib import Path

from rl_policy_node.tools.process.processes import private_domain

PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<dds xmlns="http://www.eprosima.com">
  <profiles>
    <transport_descriptors>
      <transport_descriptor>
        <transport_id>loopback</transport_id>
        <type>UDPv4</type>
        <interfaceWhiteList><address>127.0.0.1</address></interfaceWhiteList>
        <TTL>0</TTL>
        <maxInitialPeersRange>32</maxInitialPeersRange>
      </transport_descriptor>
    </transport_descriptors>
    <participant profile_name="loopback" is_default_profile="true">
      <rtps>
        <userTransports><transport_id>loopback</transport_id></userTransports>
        <useBuiltinTransports>false</useBuiltinTransports>
        <builtin>
          <initialPeersList><locator><udpv4><address>127.0.0.1</address></udpv4></locator></initialPeersList>
        </builtin>
      </rtps>
    </participant>
  </profiles>
</dds>
"""


def stay_on_loopback(folder: Path) -> None:
    """Restrict ROS to UDP on the loopback and to a free domain; the profile is written to `folder`."""
    file = folder / 'loopback.xml'
    file.write_text(PROFILE)
    for variable in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):  # Jazzy's, Kilted's
        os.environ[variable] = str(file)
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'SUBNET'
    private_domain()

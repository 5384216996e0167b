# SPDX-License-Identifier: Apache-2.0
"""A client of Foxglove's protocol receives every channel of a real node; the layouts that ship name what there is."""

import json
from pathlib import Path
import re
import struct
import xml.etree.ElementTree as ElementTree

from nodes.acting import acted
from nodes.harness import parameters
import pytest
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Float32MultiArray, String

from rl_policy_node.nodes.policy.dry_run import DryRun, read_file
from rl_policy_node.nodes.policy.streams import PolicyStreams, StreamSpec
from rl_policy_node.nodes.policy.tracks import tracks
from rl_policy_node.nodes.topics.message_definitions import type_name
from rl_policy_node.tools.process.processes import ToolProcess

pytest.importorskip('foxglove')
client = pytest.importorskip('websockets.sync.client')

ROOT = Path(__file__).parents[2]
STREAMS = {
    '/policy_node/policy/observation/obs': Float32MultiArray,
    '/policy_node/policy/action': Float32MultiArray,
    '/policy_node/policy/terms': JointState,
    '/policy_node/policy/metadata': String,
}
OWN = {'/policy_node/report', '/policy_node/log', '/policy_node/terms'}


class Client:
    """Speaks Foxglove's protocol. channels: topic → its advertisement; messages: topic → those received, as bytes."""

    def __init__(self, port):
        self._socket = client.connect(f'ws://127.0.0.1:{port}', subprotocols=['foxglove.sdk.v1'], max_size=None)
        self.info, self.channels, self.messages, self.times = {}, {}, {}, {}

    def take(self):
        """Take in what has come, and subscribe to every channel that is offered."""
        try:
            while True:
                self._on(self._socket.recv(timeout=0.005))
        except TimeoutError:
            pass

    def close(self):
        self._socket.close()

    def _on(self, frame):
        if isinstance(frame, bytes):
            code, number, time = struct.unpack_from('<BIQ', frame)
            if code == 1:
                topic = next(topic for topic, channel in self.channels.items() if channel['id'] == number)
                self.messages.setdefault(topic, []).append(frame[13:])
                self.times.setdefault(topic, []).append(time)
            return
        content = json.loads(frame)
        if content['op'] == 'serverInfo':
            self.info = content
        elif content['op'] == 'advertise':
            for channel in content['channels']:
                self.channels[channel['topic']] = channel
                wanted = {'id': channel['id'], 'channelId': channel['id']}
                self._socket.send(json.dumps({'op': 'subscribe', 'subscriptions': [wanted]}))
        elif content['op'] == 'unadvertise':
            self.channels = {t: c for t, c in self.channels.items() if c['id'] not in content['channelIds']}


@pytest.fixture
def served(arm):
    """Start `rl_policy watch --foxglove`; return how to get a client."""
    log, clients = arm.folder / 'foxglove.log', []
    arguments = ['-m', 'rl_policy_node.tools.main', 'watch', '--foxglove', '--port', '0']
    tool = ToolProcess('foxglove', arguments, log)

    def connect():
        assert arm.live_until(lambda: 'ws://' in tool.tail() or tool.poll() is not None, 40), 'it does not start'
        clients.append(Client(int(re.search(r'ws://127.0.0.1:(\d+)', tool.tail())[1])))
        return clients[-1]

    yield connect
    for each in clients:
        each.close()
    assert tool.stop() == 0, tool.tail()


@pytest.mark.slow
def test_a_client_receives_every_channel(arm, run, served):
    arm.start(parameters(run, **{'stream.enabled': True}))
    acted(arm)
    viewer = served()

    def received():
        viewer.take()
        reports = map(json.loads, viewer.messages.get('/policy_node/report', ()))
        rated = any(report['message_rates_hz'] for report in reports)
        return rated and set(viewer.messages) >= (OWN | set(STREAMS)) - {'/policy_node/log'}

    assert arm.live_until(received, 60), sorted((OWN | set(STREAMS)) - set(viewer.messages))

    def logged():
        arm.force = [float('nan'), 0.0, 0.0]  # a fault, for the log
        arm.live(0.2)
        arm.force = [1.0, 2.0, 3.0]
        arm.live(0.5)
        viewer.take()
        return '/policy_node/log' in viewer.messages

    assert arm.live_until(logged, 60)
    assert set(viewer.channels) == OWN | set(STREAMS), 'of a policy that was never trained there is no training'
    for topic, channel in viewer.channels.items():
        own = topic in OWN
        assert channel['encoding'] == ('json' if own else 'cdr') and channel['schema']
        assert channel['schemaEncoding'] == ('jsonschema' if own else 'ros2msg')
    for topic, kind in STREAMS.items():
        assert viewer.channels[topic]['schemaName'] == type_name(kind)
        deserialize_message(viewer.messages[topic][-1], kind)
    terms, report, log = (
        json.loads(viewer.messages[f'/policy_node/{name}'][-1]) for name in ('terms', 'report', 'log')
    )
    assert terms['force'] == {'x': 1.0, 'y': 2.0, 'z': 3.0} and set(terms['action']['arm']) == set(arm.names)
    schema = json.loads(viewer.channels['/policy_node/terms']['schema'])
    assert schema['properties']['force']['properties'].keys() == {'x', 'y', 'z'}
    assert report['state'] == 'active' and report['latency_p50_ms'] > 0 and 'joints' in report['message_rates_hz']
    assert log['level'] in (3, 4) and log['name'] == '/policy_node' and log['message']
    assert viewer.channels['/policy_node/log']['schemaName'] == 'foxglove.Log'
    times = viewer.times['/policy_node/policy/terms']
    assert times == sorted(times)


@pytest.mark.slow
def test_channels_end_with_the_streams_and_come_again(arm, run, served):
    node = arm.start(parameters(run, **{'stream.enabled': True}))
    viewer = served()

    def offered(topics):
        viewer.take()
        return topics <= set(viewer.channels)

    def ended():
        viewer.take()
        return not set(STREAMS) & set(viewer.channels)

    assert arm.live_until(lambda: offered(set(STREAMS)), 60)
    node.stop()
    assert arm.live_until(ended, 30)
    arm.start(parameters(run, **{'stream.enabled': True}))
    assert arm.live_until(lambda: offered(set(STREAMS)), 60)


@pytest.fixture(scope='module')
def names():
    """Return what ~/policy/terms names for the insertion."""
    log = type('Log', (), dict.fromkeys(('info', 'warning', 'error'), lambda self, text, **_: None))()
    dry_run = DryRun(read_file(ROOT / 'config' / 'insertion.yaml'), log)
    found = tracks(dry_run.control, dry_run.cycle)
    return PolicyStreams(StreamSpec(), dry_run.control, dry_run.policy.spaces, found).names


@pytest.mark.slow
def test_the_layout_for_plotjuggler_names_what_there_is(names):
    root = ElementTree.parse(ROOT / 'layouts' / 'plotjuggler.xml').getroot()
    curves = {curve.get('name') for curve in root.iter('curve')}
    # of a JointState PlotJuggler makes <topic>/<name>/position
    assert len(curves) > 20 and curves <= {f'/policy_node/policy/terms/{name}/position' for name in names}
    assert [tab.get('tab_name') for tab in root.iter('Tab')] == ['arm_0', 'arm_1', 'arm_2', 'arm_3']


def test_the_layout_for_foxglove_names_what_there_is(names):
    from rl_policy_node.tools.watch.foxglove_server import nested, REPORT

    layout = json.loads((ROOT / 'layouts' / 'foxglove.json').read_text('utf-8'))
    tree = nested(dict.fromkeys(names, 0.0))
    content = {'report': dict.fromkeys(REPORT['properties'], 0.0), 'terms': tree, 'training': tree}
    paths = [path['value'] for panel in layout['configById'].values() for path in panel.get('paths', ())]
    assert len(paths) > 15
    for path in paths:
        topic, *fields = path.removeprefix('/policy_node/').split('.')
        value = content[topic]
        for field in fields:
            value = value[field]
        assert value == 0.0, path
    topics = {panel.get('topicPath') or panel.get('topicToRender') for panel in layout['configById'].values()} - {None}
    assert topics == {'/policy_node/report', '/policy_node/log'}

    def placed(part):
        return {part} if isinstance(part, str) else placed(part['first']) | placed(part['second'])

    assert placed(layout['layout']) == set(layout['configById'])


def test_numbers_by_name_become_objects_that_foxglove_can_plot():
    from rl_policy_node.tools.watch.foxglove_server import nested

    values = {'arm/a': 1.0, 'arm/b/0_1': 2.0, 'acting': 1.0, 'force': 3.0, 'force/-1': 4.0, 'late/x': 5.0, 'late': 6.0}
    assert nested({**values, 'odd name/ü': float('inf')}) == {
        'arm': {'a': 1.0, 'b': {'_0_1': 2.0}},
        'acting': 1.0,
        'force': {'value': 3.0, '_1': 4.0},
        'late': {'x': 5.0, 'value': 6.0},
        'odd_name': {'_': None},
    }

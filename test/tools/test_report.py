# SPDX-License-Identifier: Apache-2.0
"""The report of a run: of the insertion task with and without pictures, and of what it does not know."""

import base64
from html.parser import HTMLParser
import io
import re
import sys

import numpy as np
import pytest

matplotlib = pytest.importorskip('matplotlib')
pytest.importorskip('mujoco')

from matplotlib import image  # noqa: E402
from nodes.run_bench import run_bag  # noqa: E402

from rl_policy_node.sim.insertion.environment import InsertionEnv  # noqa: E402
from rl_policy_node.tools.demo import report, run_record  # noqa: E402
from rl_policy_node.tools.demo.report_figures import latency_figure  # noqa: E402
from rl_policy_node.tools.demo.tactile_figure import tactile_figure  # noqa: E402

ROWS, LENGTH, EPISODES = 2, 8, 3
SUMMARY = {
    'episodes': 6,
    'success_rate': 0.5,
    'return_mean': -0.125,
    'deadline_misses': 1234,
    'steps': 24,
    'latency_ms': {'p50': 2.5, 'p99': 7.25, 'max': 31.0},
    'mode': 'lockstep',
    'robots': ROWS,
    'control_rate': 60.0,
    'latency_budget': 0.0625,
}


@pytest.fixture(scope='module')
def record():
    """Return a record of two rows and three short episodes; row 1 succeeds in its second one."""
    env = InsertionEnv(ROWS, seed=2, episode_length=LENGTH, threads=1)
    observations, steps = env.reset()['obs'], []
    random = np.random.default_rng(0)
    for _ in range(LENGTH * EPISODES):
        step = {f'obs/{key}': value.numpy() for key, value in observations.items()}
        step.update(qpos=env.qpos.copy(), actions=random.uniform(-1, 1, (ROWS, 6)).astype(np.float32))
        observations, rewards, dones, infos = env.step(step['actions'])
        steps.append(
            {**step, 'rewards': rewards.numpy(), 'dones': dones.numpy(), 'successes': infos['successes'].numpy()}
        )
        observations = observations['obs']
    record = {key: np.stack([step[key] for step in steps]) for key in steps[0]}
    record['successes'][LENGTH + 3 : 2 * LENGTH, 1] = True
    record['latency'] = np.append(np.nan, random.uniform(0.001, 0.005, LENGTH * EPISODES - 1))
    return record


@pytest.fixture(scope='module')
def path(record, tmp_path_factory):
    """Return the report of `record`."""
    return report.write_report(tmp_path_factory.mktemp('run') / 'new', SUMMARY, record, ABOUT)


@pytest.fixture
def flat_record():
    """Return a record of an environment of which nothing is known: flat observations, 12 actions."""
    dones = np.zeros((10, 1), dtype=np.uint8)
    dones[[3, 9]] = 1
    return {
        'obs/obs': np.zeros((10, 1, 17), np.float32),
        'actions': np.zeros((10, 1, 12), np.float32),
        'rewards': np.ones((10, 1), np.float32),
        'dones': dones,
        'latency': np.full(10, np.nan),
    }


class _Page(HTMLParser):
    """Collects the text, the table's lines, and whatever a browser would fetch."""

    def __init__(self, path):
        super().__init__()
        self.text, self.lines, self.images, self.videos, self.tags = '', [], {}, [], []
        self.feed(path.read_text(encoding='utf-8'))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        if tag == 'tr':
            self.lines.append(['shown' if attributes.get('class') == 'shown' else ''])
        if tag == 'video':
            self.videos.append(attributes['src'])
        if tag == 'img':
            self.images[attributes['alt']] = attributes['src']

    def handle_data(self, data):
        self.text += data
        if self.tags[-1:] == ['td'] and data.strip():
            self.lines[-1].append(data)


def _without(record, *keys):
    return {key: value for key, value in record.items() if key not in keys}


@pytest.mark.slow
def test_page_carries_its_pictures_and_fetches_nothing(path):
    page = _Page(path)
    assert (path.parent.name, path.name) == ('new', 'report.html')
    assert set(page.images) == {'episode', 'tactile', 'traces', 'latency'}
    for name, source in page.images.items():
        data = base64.b64decode(source.removeprefix('data:image/png;base64,'), validate=True)
        assert data == (path.parent / f'{name}.png').read_bytes()
        assert image.imread(io.BytesIO(data)).std() > 0.02
    assert not {'script', 'link', 'iframe'} & set(page.tags)
    assert not re.search(r'https?://|url\(', path.read_text())


ABOUT = {
    'policy': 'Insertion',
    'checkpoint': 'runs/<b>/policy.pth',
    'checkpoint_sha256': 'ab' * 32,
    'date': '2026-01-02 03:04 UTC',
    'machine': 'a processor, 2 cores',
    'versions': {'torch': '2.5', 'numpy': '1.26'},
    'command': "rl_policy demo --output 'my <folder>'",
}


def test_the_page_says_what_it_is_of(path):
    page = _Page(path)
    for text in ('Insertion', 'runs/<b>/policy.pth', 'ab' * 32, '2026-01-02 03:04 UTC · a processor, 2 cores'):
        assert text in page.text
    assert 'torch 2.5 · numpy 1.26' in page.text and "$ rl_policy demo --output 'my <folder>'" in page.text


def test_best_and_worst_episode_are_videos(path):
    """Small H.264 files, embedded, of as many pictures as half the steps: 60 Hz, and 30 pictures a second."""
    imageio_ffmpeg = pytest.importorskip('imageio_ffmpeg')
    page = _Page(path)
    assert [base64.b64decode(source.removeprefix('data:video/mp4;base64,')) for source in page.videos] == [
        (path.parent / f'{name}.mp4').read_bytes() for name in ('best', 'worst')
    ]
    assert 'best: row 1, 8 steps, success' in page.text and 'worst: row ' in page.text
    for name in ('best', 'worst'):
        file = path.parent / f'{name}.mp4'
        frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(file))
        assert (frames, round(seconds, 2)) == (LENGTH // 2, round(LENGTH / 60, 2))
        reader = imageio_ffmpeg.read_frames(str(file))
        assert next(reader)['size'] == (240, 360) and np.frombuffer(next(reader), np.uint8).std() > 10
        reader.close()


def test_a_video_of_a_machine_that_cannot_render_is_a_cross_section(tmp_path, record, monkeypatch):
    monkeypatch.setenv('MUJOCO_GL', 'off')
    report.write_report(tmp_path, SUMMARY, record)
    assert (tmp_path / 'best.mp4').stat().st_size > 1000


@pytest.mark.slow
def test_without_an_encoder_the_page_says_why(tmp_path, record, monkeypatch):
    monkeypatch.setitem(sys.modules, 'imageio_ffmpeg', None)
    page = _Page(report.write_report(tmp_path, SUMMARY, record))
    assert page.videos == [] and 'pip install imageio-ffmpeg' in page.text


def test_a_record_of_a_robot_has_neither_rewards_nor_ends(tmp_path, record):
    page = _Page(
        report.write_report(tmp_path, {}, _without(record, 'rewards', 'dones', 'successes', 'qpos', 'latency'))
    )
    assert [line[1:] for line in page.lines[1:]] == [['1', '0', '0', '24', '–', '–'], ['2', '1', '0', '24', '–', '–']]
    assert set(page.images) == {'episode', 'tactile', 'traces'}


def test_touch_is_a_picture_for_each_finger_and_moment(record):
    episode = run_record.find_episodes(record)[0]
    moments = np.array([0, 3, 7])
    figure = tactile_figure(record, episode, moments, ['a', 'b', 'c'])
    fields = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert len(fields) == 6
    np.testing.assert_array_equal(fields[1], record['obs/tactile_force_field_left'][3, 0, ..., 0])
    assert (
        tactile_figure(_without(record, *(key for key in record if 'tactile' in key)), episode, moments, 'abc') is None
    )


def test_cameras_are_shown_as_they_see(record, flat_record):
    image = np.arange(10 * 4 * 6 * 3, dtype=np.uint8).reshape(10, 1, 4, 6, 3)
    figure = tactile_figure({'obs/wrist': image}, run_record.Episode(0, 0, 10, 0.0, None, True), np.array([0, 9]), 'ab')
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), image[9, 0])


@pytest.mark.parametrize(
    'low, high, ticks', [(0.8, 12.0, [1, 2, 5, 10]), (0.05, 3000.0, [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000])]
)
def test_ticks_of_logarithmic_axes_are_round_and_few(low, high, ticks):
    axes = latency_figure(np.array([low / 0.9, high / 1.1] * 3), None).axes[0]
    assert axes.get_xticks() == pytest.approx(ticks)
    assert [text.get_text() for text in axes.get_xticklabels()] == [f'{tick:,g}' for tick in ticks]


def test_figures_of_the_summary_are_shown_and_escaped(path):
    page = _Page(path)
    for figure in (
        '50.0%',
        'of 6 episodes',
        '-0.12',
        '2.50 ms',
        'p99 7.25',
        'max 31.0 ms',
        '1,234',
        'of 24 steps',
        '60 Hz',
        'lockstep',
        '62 ms',
    ):
        assert figure in page.text
    assert '23 of 24 steps were answered' in page.text


def test_episodes_are_cut_at_dones(record):
    episodes = run_record.find_episodes(record)
    assert [(episode.row, episode.start, episode.stop) for episode in episodes] == [
        (0, 0, 8),
        (1, 0, 8),
        (0, 8, 16),
        (1, 8, 16),
        (0, 16, 24),
        (1, 16, 24),
    ]
    assert [episode.success for episode in episodes] == [False, False, False, True, False, False]
    for episode in episodes:
        rewards = record['rewards'][episode.start : episode.stop, episode.row]
        assert episode.episode_return == pytest.approx(np.sum(rewards, dtype=np.float64))


def test_unfinished_episodes_count_only_where_none_ended(record):
    cut = {key: value[: LENGTH + 2] for key, value in record.items()}
    assert [episode.stop for episode in run_record.find_episodes(cut)] == [LENGTH, LENGTH]
    cut = {key: value[:5] for key, value in record.items()}
    assert [(episode.stop, episode.ended) for episode in run_record.find_episodes(cut)] == [(5, False)] * 2


def test_the_episode_that_succeeded_is_shown(path):
    page = _Page(path)
    assert 'Row 1, steps 8 to 15, which succeeded.' in page.text
    shown = [line for line in page.lines if line[0]]
    assert [line[1:5] + line[6:] for line in shown] == [['4', '1', '8', '8', 'yes']]


@pytest.mark.slow
def test_the_last_episode_is_shown_where_none_succeeded(tmp_path, record):
    failed = {**record, 'successes': np.zeros_like(record['successes'])}
    page = _Page(report.write_report(tmp_path, SUMMARY, failed))
    assert 'Row 1, steps 16 to 23, which did not succeed.' in page.text


@pytest.mark.slow
def test_record_without_positions_is_drawn_as_a_cross_section(tmp_path, record):
    page = _Page(report.write_report(tmp_path, SUMMARY, _without(record, 'qpos')))
    assert 'cross-section, because the record holds no generalised positions' in page.text
    assert set(page.images) == {'episode', 'tactile', 'traces', 'latency'}


@pytest.mark.slow
def test_cross_section_follows_the_peg(tmp_path, record):
    bare = _without(record, 'qpos')
    raised = {**bare, 'obs/ee_pos': bare['obs/ee_pos'] + [0, 0, 0.01]}
    report.write_report(tmp_path / 'as_it_was', SUMMARY, bare)
    report.write_report(tmp_path / 'raised', SUMMARY, raised)
    low, high = (image.imread(tmp_path / name / 'episode.png') for name in ('as_it_was', 'raised'))
    assert _peg_line(high) < _peg_line(low) - 10


def _peg_line(picture):
    """Return the mean line, from the top, of the pixels that are as orange as the peg."""
    red, green, blue = np.moveaxis(picture[..., :3], -1, 0)
    return np.nonzero((red > 0.75) & (green < 0.75) & (blue < 0.5))[0].mean()


@pytest.mark.slow
def test_positions_that_cannot_be_rendered_are_drawn_with_the_reason(tmp_path, record, monkeypatch):
    monkeypatch.setenv('MUJOCO_GL', 'off')
    page = _Page(report.write_report(tmp_path / 'true', SUMMARY, record))
    assert 'cross-section, because MUJOCO_GL=off turns rendering off.' in page.text
    assert 'where it was observed' not in page.text
    report.write_report(tmp_path / 'observed', SUMMARY, _without(record, 'qpos'))
    true, observed = (image.imread(tmp_path / name / 'episode.png') for name in ('true', 'observed'))
    assert _peg_line(observed) == pytest.approx(_peg_line(true), abs=25)  # pixels, 8 mm


def test_unknown_environment_gets_what_is_known_of_it(tmp_path, flat_record):
    page = _Page(report.write_report(tmp_path, {}, flat_record))
    assert set(page.images) == {'traces'}
    assert '0 of 10 steps were answered' in page.text
    assert [line[1:] for line in page.lines[1:]] == [
        ['1', '0', '0', '4', '4.000', '–'],
        ['2', '0', '4', '6', '6.000', '–'],
    ]


def test_pictures_of_an_earlier_run_do_not_stay(tmp_path, flat_record):
    for name in ('episode.png', 'latency.png'):
        (tmp_path / name).touch()
    report.write_report(tmp_path, {}, flat_record)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['report.html', 'traces.png']


def test_empty_record_says_so(tmp_path, flat_record):
    empty = {key: value[:0] for key, value in flat_record.items()}
    page = _Page(report.write_report(tmp_path, {'success_rate': float('nan'), 'latency_ms': None}, empty))
    assert 'The record holds no step.' in page.text
    assert not page.images


@pytest.mark.slow
def test_record_survives_its_bag(tmp_path, record):
    run_bag(tmp_path, record)
    loaded = run_record.load_record(tmp_path)
    assert set(loaded) == set(record)
    for key, values in record.items():
        np.testing.assert_array_equal(loaded[key], values)

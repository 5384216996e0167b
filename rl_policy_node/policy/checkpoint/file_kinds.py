# SPDX-License-Identifier: Apache-2.0
"""Recognise files that are no checkpoints by their first bytes."""

import io
import zipfile

_BEGINNINGS = {
    b'version https://git-lfs': 'a Git LFS pointer, not the file itself (`git lfs pull` fetches it)',
    b'\x89HDF': 'an HDF5 file',
    b'\x1f\x8b': 'a gzip archive',
    b'\x93NUMPY': 'a numpy array',
    b'\x28\xb5\x2f\xfd': 'a zstd archive',
    b'\xfd7zXZ': 'an xz archive',
}
_ARCHIVES = {
    'constants.pkl': 'a TorchScript archive',
    'policy.pth': 'an archive of Stable-Baselines3',
    'archive_format': 'an archive of torch.export',
    'word/document.xml': 'an office document',
}


def other_kind(data: bytes) -> str:
    """Return the kind of a file by its content, '' if it may be a file of torch.save."""
    if not data:
        return 'damaged or not a checkpoint (0 bytes)'
    for beginning, kind in _BEGINNINGS.items():
        if data.startswith(beginning):
            return kind
    if data.startswith(b'PK'):
        return _archive_kind(data)
    if data[257:262] == b'ustar':
        return 'a tar archive'
    if data[8:10] == b'{"' and int.from_bytes(data[:8], 'little') < len(data):
        return 'a safetensors file'
    if data[:1] == b'\x08' and data[2:3] in (b'\x12', b'\x3a', b'\x42'):  # ir_version, then a name or the graph
        return 'an ONNX model'
    return _text_kind(data)


def _archive_kind(data: bytes) -> str:
    """Return what a zip archive holds, '' for one of torch.save and for one that cannot be opened."""
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return ''
    files = {name.rpartition('/')[2] for name in names}
    for file, kind in _ARCHIVES.items():
        if file in files or file in names:
            return kind
    if names and all(name.endswith('.npy') for name in names):
        return 'a numpy archive'
    return '' if 'data.pkl' in files else f'a zip archive of {sorted(names)[:4]}'


def _text_kind(data: bytes) -> str:
    beginning = data[:200]
    try:
        text = beginning.decode('utf-8')
    except UnicodeDecodeError:
        return ''
    if not all(character.isprintable() or character.isspace() for character in text):
        return ''
    if text.lstrip().lower().startswith(('<!doctype', '<html')):
        return 'a web page'
    return f'a text file that begins {text[:40]!r}'


def damaged_record(data: bytes) -> str:
    """Return the record of a zip archive that differs from its own checksum, '' if none does.

    torch does not check them: a flipped bit would silently change a weight.
    """
    if not data.startswith(b'PK'):
        return ''
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        unpacked = sum(record.file_size for record in archive.infolist())
        if unpacked > 100 * len(data):
            return f'its records unpack to {unpacked} bytes'
        bad = [name for name in archive.namelist() if not _is_whole(archive, name)]
        # torch has an option to write no checksums; then none of them fits
        return f'{bad[0]} does not fit its checksum' if 0 < len(bad) < len(archive.namelist()) else ''
    except Exception as error:  # noqa: BLE001 - zipfile raises nearly anything on damaged archives
        return f'{type(error).__name__}: {error}'


def _is_whole(archive: zipfile.ZipFile, name: str) -> bool:
    try:
        archive.read(name)
    except zipfile.BadZipFile:
        return False
    return True

#!/usr/bin/env python3
"""An independent reader of repository format v1, written from the documents in this folder's parent.

    DTRVAULT_PASSWORD=… dtrvault_reader.py REPO snapshots
    DTRVAULT_PASSWORD=… dtrvault_reader.py REPO restore ID|latest TARGET

It shares no line with the program, so that a repository can be read when the program cannot be had, and so
that the documents are held to what they say. It reads folders only, needs a key of the full role, and writes
nothing but TARGET: image content as files, the metadata part as metadata.tar beside it, its log as metadata.log.
The index is kept in memory. What is damaged is told on standard error and left out, never guessed; the rest is restored.

Exit codes: 0 done; 1 failed; 2 usage; 12 wrong password or key; 13 something is damaged or missing.

Each section names the document that it follows.
"""

import collections
import hashlib
import hmac
import itertools
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import zlib
from array import array as packed
from datetime import datetime, timezone
from types import SimpleNamespace

import zstandard
from argon2.low_level import Type, hash_secret_raw
from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# limits.md
MAX_CONFIG_BYTES = MAX_SLOT_BYTES = 4_096
MAX_SLOTS = 128
MAX_SNAPSHOT_BYTES = 4 << 20
MAX_SEGMENT_BYTES = 64 << 20
MAX_CHUNK_BYTES = MAX_FRAME_BYTES = 8 << 20
MAX_SEALED_FRAME_BYTES = MAX_FRAME_BYTES + 65_536
MAX_PACK_BYTES = 512 << 20
MAX_DIRECTORY_BYTES = 32 << 20
MAX_CHUNKS_PER_PACK = 262_144
MAX_FRAMES_PER_PACK = 65_536
MAX_STREAM_DEPTH = 8
MAX_PATH_BYTES = MAX_XATTR_BYTES = 65_536
MAX_NAME_BYTES = MAX_XATTRS = 1_024
MAX_INLINE_BYTES = 4_096
MAX_ENTRY_BYTES = 1 << 20
MAX_LITERAL_BYTES = MAX_ROW_BYTES = MAX_COLUMNS_ROWS = 65_536
MAX_TABLE_ROWS = 1 << 28
MAX_COLUMNS_BYTES = 8 << 20
MAX_TEMPLATES = MAX_REPLAY_BYTES = 1_024
MAX_LONG_REPLAY_BYTES = MAX_DEFLATED_BYTES = 16 << 20
MAX_MEMBERS = MAX_FLUSHES = 1 << 20
MAX_HEADER_BYTES = MAX_REST_BYTES = 65_536
MAX_STORED_BYTES = 65_535
MAX_TAGS = MAX_LAYER_KINDS = MAX_LAYER_KIND_BYTES = 256
MAX_TEXT_BYTES = 4_096
U8, U32, U64 = 2**8 - 1, 2**32 - 1, 2**64 - 1
MAX_NESTING = 16  # of CBOR items; the format's own deepest has 8


class Refused(Exception):
    """Nothing wrong with the bytes, but this cannot be done."""

    code = 1


class WrongKey(Refused):
    """No slot opens, or the one that does may not read."""

    code = 12


class Damaged(Exception):
    """Bytes that are not as the documents say."""

    code = 13


def need(condition, what):
    if not condition:
        raise Damaged(what)


# README.md, "Conventions": deterministic CBOR


class Cbor:
    """One item after another out of `data`, refusing all that is not the only encoding of an item."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        need(self.at + size <= len(self.data), "CBOR ends early")
        self.at += size
        return self.data[self.at - size : self.at]

    def head(self):
        first = self.take(1)[0]
        major, short = first >> 5, first & 31
        if short < 24:
            return major, short
        need(short <= 27, "CBOR of indefinite length")
        width = 1 << (short - 24)
        value = int.from_bytes(self.take(width))
        need(value >= (24 if width == 1 else 1 << (4 * width)), "CBOR integer is not in its shortest form")
        return major, value

    def item(self, depth=0):
        need(depth <= MAX_NESTING, "CBOR nests too deep")
        if self.data[self.at : self.at + 1] in (b"\xf4", b"\xf5"):
            return self.take(1) == b"\xf5"
        major, value = self.head()
        if major == 0:
            return value
        if major == 1:
            return -1 - value
        if major == 2:
            return bytes(self.take(value))
        if major == 3:
            return str(self.take(value), "utf-8")
        need(major in (4, 5) and value <= len(self.data) - self.at, "CBOR of another kind, or cut")
        if major == 4:
            return [self.item(depth + 1) for _ in range(value)]
        found = {}
        for _ in range(value):
            key = self.item(depth + 1)
            need(type(key) is int and key >= 0 and all(key > other for other in list(found)[-1:]), "CBOR map out of order")
            found[key] = self.item(depth + 1)
        return found


def decode(data):
    """The only item of `data`."""
    reader = Cbor(data)
    try:
        value = reader.item()
    except UnicodeDecodeError as error:
        raise Damaged("text is not UTF-8") from error
    need(reader.at == len(data), "bytes behind the CBOR item")
    return value


def fields(value, names):
    """A map as a namespace. Names stand in the order of the keys 0, 1, …; `name?` is optional."""
    names = names.split()
    need(type(value) is dict and all(key < len(names) for key in value), "no map, or an unknown field")
    out = SimpleNamespace()
    for key, name in enumerate(names):
        need(key in value or name.endswith("?"), f"field {name} is missing")
        setattr(out, name.rstrip("?"), value.get(key))
    return out


def array(value, low=0, high=U64):
    need(type(value) is list and low <= len(value) <= high, "no array of the right length")
    return value


def uint(value, high, low=0):
    need(type(value) is int and low <= value <= high, "integer out of bounds")
    return value


def octets(value, size=None, high=None):
    need(type(value) is bytes, "no byte string")
    need(size is None or len(value) == size, "byte string of another length")
    need(high is None or len(value) <= high, "byte string is too long")
    return value


def text(value, high=MAX_SNAPSHOT_BYTES):
    need(type(value) is str and len(value.encode()) <= high, "no text, or too long")
    return value


def flag(value):
    need(type(value) is bool, "neither true nor false")
    return value


def choice(value):
    number, inner = array(value, 2, 2)
    return uint(number, U8), array(inner)


def time(value):
    """Nanoseconds since 1970."""
    seconds, nanoseconds = array(value, 2, 2)
    need(type(seconds) is int and -(2**63) <= seconds < 2**63, "time out of bounds")
    return seconds * 10**9 + uint(nanoseconds, 10**9 - 1)


# README.md, "The store"


def read_object(path, limit):
    with open(path, "rb") as file:
        need(os.fstat(file.fileno()).st_size <= limit, f"{path} is too long")
        data = file.read(limit + 1)
    need(len(data) <= limit, f"{path} is too long")
    return data


def read_named(path, limit):
    """An object that has the BLAKE3 of its bytes for a name."""
    data = read_object(path, limit)
    need(blake3(data).hexdigest() == os.path.basename(path), f"{path} does not have its name")
    return data


def ids(folder):
    """Names in a folder, but for foreign objects."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(name for name in names if re.fullmatch("[0-9a-f]{64}", name))


def warn(words):
    print(f"dtrvault_reader: {words}", file=sys.stderr)


# config.md


def read_config(repository):
    path = os.path.join(repository, "config")
    if not os.path.isfile(path):
        raise Refused(f"{repository} is no repository: it has no config")
    data = read_object(path, MAX_CONFIG_BYTES)
    need(data[1:22] == b"\x00\x73dtrvault repository", "config begins with another magic")
    raw = decode(data)
    # A later version may have other fields, so its number comes first.
    version = uint(raw.get(1) if type(raw) is dict else None, U32)
    if version != 1:
        raise Refused(f"the repository has format version {version}; this reader knows version 1")
    config = fields(raw, "magic version id cut")
    need(config.magic == "dtrvault repository", "config has another magic")
    octets(config.id, 16)
    cut = fields(config.cut, "fine coarse level")
    uint(cut.level, 3)
    for sizes in (cut.fine, cut.coarse):
        sizes = fields(sizes, "shortest aim longest")
        shortest, aim, longest = (uint(size, U32) for size in (sizes.shortest, sizes.aim, sizes.longest))
        need(64 <= shortest < aim < longest <= MAX_CHUNK_BYTES and aim & (aim - 1) == 0, "config has odd sizes")
    return SimpleNamespace(id=config.id, hash=blake3(data).digest())


# keys.md


def unseal(key, number, sealed, associated):
    """ChaCha20-Poly1305; the nonce is eight zero bytes and the number as u32, big-endian."""
    try:
        return ChaCha20Poly1305(key).decrypt(struct.pack(">QI", 0, number), sealed, associated)
    except InvalidTag as error:
        raise Damaged(f"the tag of a {associated.decode('ascii', 'replace')} is wrong") from error


def unpad(padded):
    content = padded.rstrip(b"\0")
    need(content[-1:] == b"\x80", "padding is wrong")
    return content[:-1]


def read_slot(data, config):
    """Head and wrapped payload of a key slot, held against all that is plain."""
    slot = fields(decode(data), "head wrapped")
    octets(slot.wrapped, high=1_024)
    head = fields(slot.head, "version repository role cost salt label made")
    need(head.version == 1 and head.repository == config.id, "a slot of another version or repository")
    uint(head.role, 1)
    cost = fields(head.cost, "memory passes lanes")
    uint(cost.memory, 4_194_304, 19_456), uint(cost.passes, 64, 2), uint(cost.lanes, 64, 1)
    octets(head.salt, 32), text(head.label, 256), time(head.made)
    # The head's own bytes, not an encoding of them: both are the same, since the encoding is deterministic.
    plain = Cbor(data)
    plain.head(), plain.item()
    start = plain.at
    plain.item()
    return SimpleNamespace(head=head, cost=cost, head_bytes=data[start : plain.at], wrapped=slot.wrapped)


def open_slot(slot, password, config):
    """The payload, or nothing where the password is another's."""
    cost = slot.cost
    key = hash_secret_raw(password, slot.head.salt, cost.passes, cost.memory, cost.lanes, 32, Type.ID, 0x13)
    try:
        payload = ChaCha20Poly1305(key).decrypt(bytes(12), slot.wrapped, slot.head_bytes)
    except InvalidTag:
        return None
    payload = fields(decode(payload), "config shared public secret?")
    need(octets(payload.config, 32) == config.hash, "the config is not the one that the slot was made for")
    octets(payload.shared, 32), octets(payload.public, 32)
    need((payload.secret is None) == (slot.head.role == 1), "a slot's payload is not of its role")
    if payload.secret is not None:
        private = X25519PrivateKey.from_private_bytes(octets(payload.secret, 32))
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        need(public == payload.public, "a slot's public key is not that of its secret key")
    return payload


def open_keys(repository, password, config):
    """The payload of a slot of the full role that this password opens."""
    if not password:
        raise WrongKey("the password is empty; set DTRVAULT_PASSWORD")
    writer = False
    folder = os.path.join(repository, "keys")
    for name in ids(folder)[:MAX_SLOTS]:
        try:
            slot = read_slot(read_named(os.path.join(folder, name), MAX_SLOT_BYTES), config)
        except Damaged as error:
            warn(f"slot {name} is passed over: {error}")
            continue
        payload = open_slot(slot, password, config)
        if payload is not None and payload.secret is not None:
            return payload
        writer = writer or payload is not None
    raise WrongKey("a key of the role write reads nothing back" if writer else "the password opens no slot")


class Keys:
    """The hierarchy below a slot's payload."""

    def __init__(self, payload):
        def derived(context):
            return blake3(payload.shared, derive_key_context="dtrvault v1 2026 " + context).digest()

        self.private, self.public = X25519PrivateKey.from_private_bytes(payload.secret), payload.public
        self.chunk_id, self.psk = derived("chunk id"), derived("hpke psk")
        self.directory, self.segment = derived("pack directory"), derived("index segment")

    def open_shared(self, secret, kind, sealed):
        """An object for both roles: salt, ciphertext, tag."""
        need(len(sealed) >= 48, "a sealed object is too short")
        return unpad(unseal(salted(secret, sealed[:32]), 0, sealed[32:], kind))

    def open_private(self, kind, encapsulated, sealed, associated=b""):
        """HPKE, RFC 9180: SetupPSKR of §5.1.2, then the only Open of its context."""
        shared = decap(self.private, self.public, encapsulated)
        key, nonce = key_schedule(shared, kind, self.psk)
        try:
            return ChaCha20Poly1305(key).decrypt(nonce, sealed, associated)
        except InvalidTag as error:
            raise Damaged(f"the tag of what is sealed for {kind.decode()} is wrong") from error


def salted(secret, salt):
    return blake3(salt, key=secret).digest()


# RFC 9180

KEM_ID, KDF_ID, AEAD_ID = b"\x00\x20", b"\x00\x01", b"\x00\x03"
KEM_SUITE, HPKE_SUITE = b"KEM" + KEM_ID, b"HPKE" + KEM_ID + KDF_ID + AEAD_ID
MODE_PSK = b"\x01"


def labeled_extract(suite, salt, label, material):
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, "sha256")


def labeled_expand(suite, key, label, info, size):
    """HKDF-Expand; all sizes here take one round of it."""
    info = struct.pack(">H", size) + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, info + b"\x01", "sha256")[:size]


def decap(private, public, encapsulated):
    """§4.1, of the DHKEM."""
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    except ValueError as error:
        raise Damaged("an encapsulated key is a point of small order") from error
    extracted = labeled_extract(KEM_SUITE, b"", b"eae_prk", shared)
    return labeled_expand(KEM_SUITE, extracted, b"shared_secret", encapsulated + public, 32)


def key_schedule(shared, info, psk, psk_id=b"dtrvault/1/psk"):
    """§5.1: key and base nonce; the first message's nonce is the base nonce."""
    psk_id_hash = labeled_extract(HPKE_SUITE, b"", b"psk_id_hash", psk_id)
    context = MODE_PSK + psk_id_hash + labeled_extract(HPKE_SUITE, b"", b"info_hash", info)
    secret = labeled_extract(HPKE_SUITE, shared, b"secret", psk)
    key = labeled_expand(HPKE_SUITE, secret, b"key", context, 32)
    return key, labeled_expand(HPKE_SUITE, secret, b"base_nonce", context, 12)


# segment.md, and the directory of pack.md


def read_frames(value):
    """Frames of a pack: offset, length, plain length, chunks as (id, offset, length)."""
    frames, at, count = [], 120, 0
    for frame in array(value, 0, MAX_FRAMES_PER_PACK):
        length, listed = array(frame, 2, 2)
        uint(length, MAX_SEALED_FRAME_BYTES)
        chunks, plain = [], 0
        for chunk in array(listed, 1, MAX_CHUNKS_PER_PACK - count):
            chunk_id, size = array(chunk, 2, 2)
            chunks.append((octets(chunk_id, 32), plain, uint(size, MAX_CHUNK_BYTES, 1)))
            plain += size
        need(plain <= MAX_FRAME_BYTES, "a frame is too long")
        frames.append((at, length, plain, chunks))
        at, count = at + length, count + len(chunks)
    return frames


class Index:
    """The union of all segments, and of the directories of packs that no segment names."""

    def __init__(self, repository, keys):
        self.packs, self.chunks, self.recipes = {}, {}, {}
        folder = os.path.join(repository, "index")
        for name in ids(folder):
            try:
                self.add_segment(keys, read_named(os.path.join(folder, name), MAX_SEGMENT_BYTES))
            except Damaged as error:
                warn(f"index segment {name} is passed over: {error}")
        for path in pack_paths(repository):
            if bytes.fromhex(os.path.basename(path)) not in self.packs:
                try:
                    self.add_directory(keys, path)
                except Damaged as error:
                    warn(f"pack {os.path.basename(path)}, which no segment names, is passed over: {error}")

    def add_segment(self, keys, sealed):
        segment = fields(decode(keys.open_shared(keys.segment, b"dtrvault/1/segment", sealed)), "packs blobs")
        packs = []
        for pack in array(segment.packs):
            pack = fields(pack, "id length header frames")
            salt, encapsulated, wrapped = array(pack.header, 3, 3)
            header = octets(salt, 32), octets(encapsulated, 32), octets(wrapped, 48)
            packs.append((octets(pack.id, 32), uint(pack.length, MAX_PACK_BYTES), header, read_frames(pack.frames)))
        # All of it is well formed before any of it counts.
        blobs = [read_blob_record(blob) for blob in array(segment.blobs)]
        for pack in packs:
            self.add_pack(*pack)
        self.add_blobs(blobs)

    def add_directory(self, keys, path):
        data = read_named(path, MAX_PACK_BYTES)
        need(len(data) >= 140 and data[:8] == b"DTRVPCK1", "a pack has another magic, or is too short")
        key = salted(keys.directory, data[8:40])
        size = int.from_bytes(unseal(key, 1, data[-20:], b"dtrvault/1/trailer"))
        need(size <= min(MAX_DIRECTORY_BYTES, len(data) - 140), "a directory is too long")
        start = len(data) - 20 - size
        sealed = unseal(key, 0, data[start:-20], b"dtrvault/1/directory")
        directory = fields(decode(unpad(sealed)), "frames blobs")
        frames = read_frames(directory.frames)
        end = frames[-1][0] + frames[-1][1] if frames else 120
        need(end == start, "frames do not fill the pack up to its directory")
        blobs = [read_blob_record(blob) for blob in array(directory.blobs)]
        header = data[8:40], data[40:72], data[72:120]
        self.add_pack(bytes.fromhex(os.path.basename(path)), len(data), header, frames)
        self.add_blobs(blobs)

    def add_pack(self, pack, length, header, frames):
        self.packs[pack] = SimpleNamespace(length=length, header=header, frames=frames)
        for number, (_, _, _, chunks) in enumerate(frames):
            for chunk, offset, size in chunks:
                self.chunks.setdefault(chunk, []).append((pack, number, offset, size))

    def add_blobs(self, blobs):
        """Keeps the recipe of the higher rank."""
        for digest, length, recipe in blobs:
            if digest not in self.recipes or rank(recipe) > rank(self.recipes[digest][1]):
                self.recipes[digest] = length, recipe


def pack_paths(repository):
    folder = os.path.join(repository, "packs")
    for two in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if re.fullmatch("[0-9a-f]{2}", two):
            inner = os.path.join(folder, two)
            yield from (os.path.join(inner, name) for name in ids(inner) if name.startswith(two))


def read_blob_record(value):
    digest, length, recipe = array(value, 3, 3)
    uint(array(recipe, 1)[0], U64)
    return octets(digest, 32), uint(length, U64), recipe


# pack.md, frame.md, chunk.md


class Packs:
    """Chunks by their ids.

    A pack is held against its name before anything is read out of it. One that does not have it is damage and told
    as such, yet its frames may be whole: their tags and the ids of their chunks say so.
    """

    def __init__(self, repository, keys, index):
        self.repository, self.keys, self.index = repository, keys, index
        self.opened, self.damaged = {}, 0
        self.frames = collections.OrderedDict()

    def chunk(self, chunk_id):
        failure = Damaged(f"chunk {chunk_id.hex()} is in no pack that is known")
        for pack, number, offset, size in self.index.chunks.get(chunk_id, []):
            try:
                data = self.frame(pack, number)[offset : offset + size]
                named = blake3(data, key=self.keys.chunk_id).digest()
                need(len(data) == size and named == chunk_id, f"chunk {chunk_id.hex()} does not have its id")
                return data
            except Damaged as error:
                failure = error
        raise failure

    def frame(self, pack, number):
        if (pack, number) not in self.frames:
            path, key = self.open_pack(pack)
            offset, length, plain, _ = self.index.packs[pack].frames[number]
            with open(path, "rb") as file:
                file.seek(offset)
                sealed = file.read(length)
            need(len(sealed) == length, f"pack {pack.hex()} ends within a frame")
            self.frames[pack, number] = open_frame(unseal(key, number, sealed, b"dtrvault/1/frame"), plain)
            while len(self.frames) > 16:
                self.frames.popitem(last=False)
        self.frames.move_to_end((pack, number))
        return self.frames[pack, number]

    def open_pack(self, pack):
        """Path and key of a pack. What was wrong with it stays wrong."""
        if pack not in self.opened:
            try:
                self.opened[pack] = self.verify_pack(pack)
            except Damaged as error:
                self.tell(error)
                self.opened[pack] = error
        if isinstance(self.opened[pack], Damaged):
            raise self.opened[pack]
        return self.opened[pack]

    def verify_pack(self, pack):
        name, known = pack.hex(), self.index.packs[pack]
        path = os.path.join(self.repository, "packs", name[:2], name)
        need(os.path.isfile(path), f"pack {name} is missing")
        if os.path.getsize(path) != known.length or blake3().update_mmap(path).hexdigest() != name:
            self.tell(f"pack {name} does not have its name; its frames are tried one by one")
        # The header is the segment's: the pack's own may be what was hit.
        salt, encapsulated, wrapped = known.header
        return path, octets(self.keys.open_private(b"dtrvault/1/pack", encapsulated, wrapped, salt), 32)

    def tell(self, words):
        warn(words)
        self.damaged += 1


def open_frame(content, length):
    """Plain bytes of a frame: a form, then a body."""
    form, body = content[:1], content[1:]
    need(form in (b"\0", b"\1"), "a frame of an unknown form, or of no bytes")
    plain = body if form == b"\0" else inflate(body, length)
    need(len(plain) == length, "a frame has another length than the index says")
    return plain


def inflate(body, length):
    """Exactly one zstd frame, never more than a little over what is expected in memory."""
    try:
        need(body[:4] == b"\x28\xb5\x2f\xfd", "a frame is no zstd, or another kind of zstd frame")
        stream, plain = zstandard.ZstdDecompressor().decompressobj(), bytearray()
        for at in range(0, len(body), 1_024):
            need(not stream.eof, "bytes behind a zstd frame")
            plain += stream.decompress(body[at : at + 1_024])
            need(len(plain) <= length, "a frame gives more bytes than the index says")
    except zstandard.ZstdError as error:
        raise Damaged(f"a frame is no zstd: {error}") from error
    need(stream.eof and not stream.unused_data, "a zstd frame is cut, or bytes stand behind it")
    return bytes(plain)


# stream.md


def read_reference(value):
    """Length, depth and root of a stream; no root of an empty one."""
    array(value, 2, 3)
    length, depth = uint(value[0], U64), uint(value[1], MAX_STREAM_DEPTH)
    need((len(value) == 3) == (length > 0) and (length > 0 or depth == 0), "a stream without its root")
    return length, depth, octets(value[2], 32) if length else None


def stream(packs, reference):
    """The bytes of a stream, chunk after chunk."""
    length, depth, root = read_reference(reference)
    seen = 0
    for data in below(packs, root, depth) if length else ():
        seen += len(data)
        need(seen <= length, "a stream is longer than its reference says")
        yield data
    need(seen == length, "a stream is shorter than its reference says")


def below(packs, root, depth):
    if depth == 0:
        yield packs.chunk(root)
        return
    entries = Pieces(below(packs, root, depth - 1))
    while entry := entries.upto(36):
        need(len(entry) == 36, "a list ends within an entry")
        uint(int.from_bytes(entry[32:], "little"), MAX_CHUNK_BYTES, 1)
        yield packs.chunk(entry[:32])


class Pieces:
    """Reads of any size out of an iterator of pieces."""

    def __init__(self, pieces):
        self.pieces, self.buffer, self.at = iter(pieces), b"", 0

    def some(self, size):
        """At least one byte and at most `size`; none at the end."""
        while self.at == len(self.buffer):
            self.buffer, self.at = next(self.pieces, None), 0
            if self.buffer is None:
                self.buffer = b""
                return b""
        out = self.buffer[self.at : self.at + size]
        self.at += len(out)
        return out

    def upto(self, size):
        """`size` bytes, or fewer at the end."""
        out = bytearray()
        while len(out) < size and (more := self.some(size - len(out))):
            out += more
        return bytes(out)


# recipe.md


def rank(recipe):
    """Plain 0, Tar 1, Rows 2, Gzip 3; what this reader does not know gives way to all of them."""
    return {0: 0, 2: 1, 3: 2, 1: 3}.get(recipe[0], -1)


def follow(packs, recipe):
    """The bytes of a blob, as its recipe makes them."""
    kind = recipe[0]
    if kind == 0:
        return stream(packs, array(recipe, 2, 2)[1])
    if kind == 1:
        replay, content = array(recipe, 3, 3)[1:]
        need(array(content, 1)[0] in (0, 2, 3), "a gzip stream of something that is no content")
        if type(replay) is bytes:
            need(len(replay) <= MAX_REPLAY_BYTES, "a replay is too long for its place")
        else:
            need(uint(array(replay, 2, 3)[0], U64) <= MAX_LONG_REPLAY_BYTES, "a replay is too long")
            replay = b"".join(stream(packs, replay))
        return make_gzip(Pieces([replay]), len(replay), Pieces(follow(packs, content)))
    if kind == 2:
        skeleton, payload = array(recipe, 3, 3)[1:]
        return join_tar(Pieces(stream(packs, skeleton)), Pieces(stream(packs, payload)))
    if kind == 3:
        columns, payload, table, count, used = array(recipe, 6, 6)[1:]
        uint(count, MAX_TABLE_ROWS), uint(used, count)
        rows = read_table(Pieces(stream(packs, table)), count)
        return join_rows(Pieces(stream(packs, columns)), Pieces(stream(packs, payload)), rows)
    raise Damaged(f"a recipe of kind {kind}, which this reader does not know")


def make_gzip(replay, length, content):
    """A gzip stream, member by member; the content of one member is kept in memory."""

    def number(limit, what):
        value = leb128(replay, replay.some(1))
        need(value <= limit, what)
        return value

    def count(limit, what):
        return number(min(limit, length), what)

    def octet():
        byte = replay.some(1)
        need(byte, "a replay breaks off")
        return byte[0]

    header, encoder, flushes_left = None, None, MAX_FLUSHES
    for _ in range(count(MAX_MEMBERS, "too many members")):
        same, size, flushes = octet(), number(U64, ""), []
        need(same == 0 or (same == 1 and header is not None), "a member like none before it")
        if not same:
            header = replay.upto(need_length := count(MAX_HEADER_BYTES, "a header is too long"))
            need(len(header) == need_length, "a replay breaks off")
            encoder = read_encoder(octet, number)
            flushes = [number(U64, "") for _ in range(count(flushes_left, "too many flushes"))]
            flushes_left -= len(flushes)
            need(sum(flushes) <= size, "a flush beyond the end")
        yield header
        plain = content.upto(size)
        need(len(plain) == size, "content ends early")
        yield encode(encoder, plain, flushes)
        yield struct.pack("<II", zlib.crc32(plain), size & U32)
    size = count(MAX_REST_BYTES, "too much behind the last member")
    rest = replay.upto(size)
    need(len(rest) == size and replay.some(1) == b"", "a replay of a wrong length")
    need(content.some(1) == b"", "content is left over")
    yield rest


def read_encoder(octet, number):
    family = octet()
    need(1 <= family <= 7, f"an encoder of family {family}, which this reader does not know")
    if family == 7:
        most = number(MAX_STORED_BYTES, "a block is too long")
        need(most > 0, "there is no such encoder")
        return family, 0, 0, 0, most
    generation = octet() if family in (2, 3) else 0
    need(generation <= (4 if family == 2 else 3), "a generation that is not known")
    level = octet() - (2 if family <= 3 else 0)
    history = octet() if family == 6 else 0
    need(history <= 2, "a history that is not known")
    return family, generation, level, history, number(U32, "a block is too long") if family in (3, 6) else 0


def encode(encoder, plain, flushes):
    """What an encoder makes: zlib's is Python's own, the others are the real programs (scripts/encoders)."""
    family, generation, level, history, block = encoder
    if family == 7:
        return store(plain, flushes, block)
    if family == 4:
        deflate, out = zlib.compressobj(level, zlib.DEFLATED, -15), b""
        for flush in flushes:
            out += deflate.compress(plain[:flush]) + deflate.flush(zlib.Z_SYNC_FLUSH)
            plain = plain[flush:]
        return out + deflate.compress(plain) + deflate.flush()
    if flushes:
        raise Damaged("a gzip stream with flushes, which this reader makes with zlib only")
    if family == 5:
        return unwrap(run_encoder("gzip", [f"-{level}", "-n"], plain))
    if family == 6:
        need(block % 1_024 == 0, "a block of pigz that is no multiple of 1 KiB")
        how = {0: ["-p", "4"], 1: ["-p", "1"], 2: ["-p", "4", "-i"]}[history]
        return unwrap(run_encoder("pigz", [f"-{level}", "-n", "-b", str(block >> 10), *how], plain))
    if family == 1:
        name = "go-1.26"
    elif generation == 4:
        name = "go-1.27"
    else:
        name = "klauspost-" + ("1.15.12", "1.17.9", "1.18.0", "1.20.3")[generation]
    form = "pgzip" if family == 3 else "deflate"
    answer = run_encoder(name, [], b"%s %d %d %d\n" % (form.encode(), level, block, len(plain)) + plain)
    size, _, out = answer.partition(b"\n")
    need(size.isdigit() and len(out) == int(size), f"{name} answered something else")
    return unwrap(out) if family == 3 else out


def store(plain, flushes, most):
    """Stored blocks of at most so many bytes, which end at flushes, too."""
    blocks, at = [], 0
    for end in [*itertools.accumulate(flushes), len(plain)]:
        blocks += [plain[start : min(start + most, end)] for start in range(at, end, most)] or [b""]
        at = end
    heads = [struct.pack("<BHH", at == len(blocks), len(block), len(block) ^ 0xFFFF) for at, block in enumerate(blocks, 1)]
    return b"".join(part for pair in zip(heads, blocks) for part in pair)


def unwrap(member):
    """The deflate stream of a gzip member without a name."""
    return member[10:-8]


def run_encoder(name, options, bytes_in):
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.environ.get("GZIP_REPLAY_ENCODERS") or os.path.join(cache, "dtrvault/encoders")
    program = shutil.which(name, path=os.path.join(folder, "bin")) or shutil.which(name)
    need(program, f"it takes the encoder {name}, which is not there")
    done = subprocess.run([program, *options], input=bytes_in, capture_output=True)
    need(done.returncode == 0, f"the encoder {name} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def join_tar(skeleton, payload):
    while (first := skeleton.some(1)) != b"":
        literal = leb128(skeleton, first)
        need(literal <= MAX_LITERAL_BYTES, "a literal is too long")
        data = skeleton.upto(literal)
        need(len(data) == literal, "a skeleton ends within a literal")
        yield data
        run = leb128(skeleton, skeleton.some(1))
        if not literal and not run:
            yield deflated_run(skeleton, payload)
        while run:
            data = payload.some(run)
            need(data, "payload ends early")
            run -= len(data)
            yield data


def deflated_run(skeleton, payload):
    level, plain, packed = (leb128(skeleton, skeleton.some(1)) for _ in range(3))
    need(1 <= level <= 9 and 0 < packed < plain <= MAX_DEFLATED_BYTES, "a deflated run that there cannot be")
    data = payload.upto(plain)
    need(len(data) == plain, "payload ends early")
    deflate = zlib.compressobj(level, zlib.DEFLATED, -15)
    data = deflate.compress(data) + deflate.flush()
    need(len(data) == packed, "payload does not deflate into what the skeleton says")
    return data


def read_table(pieces, count):
    """The rows of a table, kept on disk: (file, where each ends)."""
    file, ends = tempfile.TemporaryFile(), packed("Q", [0])
    for _ in range(count):
        size = leb128(pieces, pieces.some(1))
        need(size <= MAX_ROW_BYTES, "a row is too long")
        row = pieces.upto(size)
        need(len(row) == size, "a table ends within a row")
        file.write(row)
        ends.append(ends[-1] + size)
    need(pieces.some(1) == b"", "a table has more rows than its recipe says")
    return file, ends


def join_rows(columns, payload, rows):
    file, ends = rows
    file.flush()

    def row(number):
        need(number < len(ends) - 1, "a row that the table does not have")
        return os.pread(file.fileno(), ends[number + 1] - ends[number], ends[number])

    while (first := columns.some(1)) != b"":
        size = leb128(columns, first)
        need(0 < size <= MAX_COLUMNS_BYTES, "a block of columns of a wrong length")
        body = columns.upto(size)
        need(len(body) == size, "columns end within a block")
        yield from Block(body).pieces(payload, row)


class Block:
    """One block of columns."""

    def __init__(self, body):
        pieces, sections = Pieces([body]), []
        for _ in range(7):
            size = leb128(pieces, pieces.some(1))
            section = pieces.upto(size)
            need(len(section) == size, "a block ends within a section")
            sections.append(section)
        need(pieces.some(1) == b"", "bytes behind the last section")
        templates, *others, rows = sections
        self.operations, self.literals, self.names, self.numbers, self.times = (Pieces([other]) for other in others)
        need(len(templates) % 516 == 0 and len(templates) // 516 <= MAX_TEMPLATES, "a cut template, or too many")
        self.templates = [self.template(templates[at : at + 516]) for at in range(0, len(templates), 516)]
        count = len(rows) // 4
        need(len(rows) % 4 == 0 and count <= MAX_COLUMNS_ROWS, "a cut row number, or too many")
        planes = [rows[plane * count : (plane + 1) * count] for plane in range(4)]
        self.rows = (int.from_bytes(bytes(row), "little") for row in zip(*planes))
        self.expected, self.time = [0] * len(self.templates), 0

    @staticmethod
    def template(data):
        begin, end, digits, checksum = data[:4]
        header = data[4:]
        need(begin + end <= 100 and digits <= 18 and checksum in (6, 7), "an odd template")
        blank = header[begin + end : 100] + header[124:135] + header[136:147] + header[148 : 148 + checksum]
        need(not any(blank), "a template is not blank where it should be")
        return begin, end, digits, checksum, header

    def pieces(self, payload, row):
        def content():
            number = next(self.rows, None)
            need(number is not None, "row numbers end early")
            data = row(number)
            return data, data + bytes(-len(data) % 512)

        while (first := self.operations.some(1)) != b"":
            value = leb128(self.operations, first)
            kind, count = value & 3, value >> 2
            need(count, "an operation of nothing")
            if kind == 0:
                data = self.literals.upto(count)
                need(len(data) == count, "literals end early")
                yield data
            elif kind == 1:
                while count:
                    data = payload.some(count)
                    need(data, "payload ends early")
                    count -= len(data)
                    yield data
            elif kind == 2:
                for _ in range(count):
                    yield content()[1]
            else:
                number = leb128(self.operations, self.operations.some(1))
                need(number < len(self.templates), "a template that is not there")
                for _ in range(count):
                    data, padded = content()
                    yield self.header(number, len(data)) + padded
        left = [self.literals, self.names, self.numbers, self.times]
        need(next(self.rows, None) is None and not any(section.some(1) for section in left), "a section is too long")

    def header(self, number, size):
        begin, end, digits, checksum, blank = self.templates[number]
        if digits:
            value = folded(self.expected[number], self.numbers)
            need(value < 10**18, "a number has too many digits")
            self.expected[number] = value + 1
            middle = b"%0*d" % (digits, value)
        else:
            length = leb128(self.names, self.names.some(1))
            middle = self.names.upto(min(length, 101))
            need(len(middle) == length, "names end early, or one is too long")
        name = blank[:begin] + middle + blank[begin : begin + end]
        self.time = folded(self.time, self.times)
        need(len(name) <= 100 and self.time < 8**11, "a header's field is too long")
        header = bytearray(blank)
        header[:100] = name.ljust(100, b"\0")
        header[124:135] = b"%011o" % size
        header[136:147] = b"%011o" % self.time
        total = sum(header) - sum(header[148:156]) + 8 * 32
        header[148 : 148 + checksum] = b"%0*o" % (checksum, total)
        return bytes(header)


def folded(value, pieces):
    """`value` moved by the difference that comes next."""
    difference = leb128(pieces, pieces.some(1))
    value += difference // 2 if difference % 2 == 0 else -(difference + 1) // 2
    return uint(value, U64)


def leb128(pieces, byte):
    value = 0
    for place in range(10):
        need(byte, "a stream or section ends within a number")
        value |= (byte[0] & 127) << (7 * place)
        if byte[0] < 128:
            need(byte[0] or place == 0, "a number is not in its shortest form")
            return uint(value, U64)
        byte = pieces.some(1)
    raise Damaged("a number is too long")


def blob(packs, digest, length):
    """The bytes of a blob. Only at the end is it known whether they were right."""
    need(digest in packs.index.recipes, f"blob {digest.hex()} is not in the index")
    recorded, recipe = packs.index.recipes[digest]
    need(recorded == length, f"blob {digest.hex()} has another length")
    sha256, seen = hashlib.sha256(), 0
    for data in follow(packs, recipe):
        sha256.update(data)
        seen += len(data)
        yield data
    need(seen == length and sha256.digest() == digest, f"blob {digest.hex()} does not have its digest")


# snapshot.md


def read_snapshot(repository, keys, name):
    sealed = read_named(os.path.join(repository, "snapshots", name), MAX_SNAPSHOT_BYTES)
    need(len(sealed) >= 48, "a snapshot is too short")
    return snapshot_of(name, unpad(keys.open_private(b"dtrvault/1/snapshot", sealed[:32], sealed[32:])))


def snapshot_of(name, plain):
    raw = decode(plain)
    if type(raw) is dict and type(raw.get(0)) is int and raw[0] != 1:
        raise Refused(f"snapshot {name} has format version {raw[0]}; this reader knows version 1")
    names = "version begun host tags metadata? images? dtr? complete problems problem_count statistics parent? program layers?"
    snapshot = fields(raw, names)
    need(snapshot.metadata is not None or snapshot.images is not None, "a snapshot without a part")
    snapshot.id, snapshot.begun = name, time(snapshot.begun)
    text(snapshot.host), flag(snapshot.complete), text(snapshot.program), uint(snapshot.problem_count, U64)
    for tag in array(snapshot.tags, 0, MAX_TAGS):
        text(tag, MAX_TEXT_BYTES)
    need(all(one.encode() < two.encode() for one, two in itertools.pairwise(snapshot.tags)), "tags are not in order")
    if snapshot.metadata is not None:
        snapshot.metadata = fields(snapshot.metadata, "digest length form root? members? source cut log?")
        octets(snapshot.metadata.digest, 32), uint(snapshot.metadata.length, U64), uint(snapshot.metadata.form, 3)
        if snapshot.metadata.log is not None:
            read_reference(snapshot.metadata.log)
    if snapshot.images is not None:
        snapshot.images = fields(snapshot.images, "tree source entries bytes")
        read_reference(snapshot.images.tree)
    if snapshot.dtr is not None:
        snapshot.dtr = fields(snapshot.dtr, "version replica? cluster? image? storage? frozen?")
        need(type(snapshot.dtr.frozen) in (bool, type(None)), "no truth value")
        texts = {**vars(snapshot.dtr), "frozen": None}
        for words in filter(None, texts.values()):
            text(words, MAX_TEXT_BYTES)
    if snapshot.layers is not None:
        snapshot.layers = fields(snapshot.layers, "deep opaque")
        snapshot.layers.deep = read_layers(snapshot.layers.deep, "kind blobs blob_bytes content_bytes")
        snapshot.layers.opaque = read_layers(snapshot.layers.opaque, "kind blobs blob_bytes")
    return snapshot


def read_layers(value, names):
    totals = [fields(total, names) for total in array(value, 0, MAX_LAYER_KINDS)]
    kinds = [text(total.kind, MAX_LAYER_KIND_BYTES).encode() for total in totals]
    need(all(one < two for one, two in itertools.pairwise(kinds)), "kinds of layers are not in order")
    for total in totals:
        for name in names.split()[1:]:
            uint(getattr(total, name), U64)
    return totals


def shown(snapshot):
    """A snapshot as JSON."""
    out = {
        "id": snapshot.id,
        "time": calendar(snapshot.begun),
        "host": snapshot.host,
        "tags": snapshot.tags,
        "complete": snapshot.complete,
        "problem_count": snapshot.problem_count,
        "program": snapshot.program,
        "metadata": None,
        "images": None,
    }
    if (part := snapshot.metadata) is not None:
        form = ("tar", "gzip", "zstd", "other")[part.form]
        log = part.log and part.log[0]
        out["metadata"] = {
            "sha256": part.digest.hex(), "bytes": part.length, "form": form, "source": part.source, "log_bytes": log,
        }
    if (part := snapshot.images) is not None:
        out["images"] = {"source": part.source, "entries": part.entries, "bytes": part.bytes}
    return out


def calendar(nanoseconds):
    seconds, rest = divmod(nanoseconds, 10**9)
    try:
        return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
    except (ValueError, OverflowError, OSError):
        return f"{seconds} seconds after 1970"


# tree.md

Entry = collections.namedtuple("Entry", "path mode owner group mtime xattrs kind fields")
FOLDER, FILE, SYMLINK, HARD_LINK, PIPE, SOCKET, CHARACTER, BLOCK = range(8)


def tree(packs, reference):
    """The entries of a tree, each held against the rules that keep a restore below one folder."""
    before = None
    for item in cbor_sequence(stream(packs, reference)):
        shared, rest, meta, kind = array(item, 4, 4)
        last = before.path if before else b""
        path = last[: uint(shared, len(last))] + octets(rest, high=MAX_PATH_BYTES)
        entry = Entry(path, *read_meta(meta), *choice(kind))
        check_path(path, entry.kind)
        if before is not None:
            need(order(before.path) < order(path), "entries of a tree are not in order")
            under = before.path == b"" or path.startswith(before.path + b"/")
            need(before.kind == FOLDER or not under, "an entry stands below one that is no folder")
        yield entry
        before = entry


def cbor_sequence(pieces):
    """CBOR items of at most MAX_ENTRY_BYTES, one after the other."""
    source, buffer = Pieces(pieces), b""
    while True:
        buffer += source.upto(2 * MAX_ENTRY_BYTES - len(buffer))
        if not buffer:
            return
        reader, last = Cbor(buffer), len(buffer) < 2 * MAX_ENTRY_BYTES
        while reader.at < len(buffer) and (last or len(buffer) - reader.at >= MAX_ENTRY_BYTES):
            start = reader.at
            try:
                item = reader.item()
            except UnicodeDecodeError as error:
                raise Damaged("text is not UTF-8") from error
            need(reader.at - start <= MAX_ENTRY_BYTES, "an entry of a tree is too long")
            yield item
        buffer = buffer[reader.at :]


def order(path):
    """Byte by byte with `/` lowest: a zero byte, which no path has, takes its place."""
    return path.replace(b"/", b"\0")


def check_path(path, kind):
    need(len(path) <= MAX_PATH_BYTES, "a path is too long")
    need(path != b"" or kind == FOLDER, "the root is no folder")
    for name in path.split(b"/") if path else ():
        need(0 < len(name) <= MAX_NAME_BYTES, "a path has a component that is empty or too long")
        need(name not in (b".", b"..") and b"\0" not in name, "a path climbs, or holds a zero byte")


def read_meta(value):
    mode, owner, group, mtime, xattrs = array(value, 5, 5)
    pairs = [array(pair, 2, 2) for pair in array(xattrs, 0, MAX_XATTRS)]
    for name, content in pairs:
        octets(name, high=MAX_NAME_BYTES), octets(content, high=MAX_XATTR_BYTES)
    need([name for name, _ in pairs] == sorted({name for name, _ in pairs}), "attributes are not in order")
    return uint(mode, 0o7777), uint(owner, U32), uint(group, U32), time(mtime), pairs


# Restoring


class Restore:
    """Writes one snapshot below a folder that was empty. Never follows a link: see tree.md."""

    def __init__(self, packs, target):
        self.packs, self.target = packs, os.fsencode(target)
        self.lost, self.files, self.folders = 0, set(), []

    def run(self, snapshot):
        os.makedirs(self.target, exist_ok=True)
        if os.listdir(self.target):
            raise Refused(f"{os.fsdecode(self.target)} is not empty")
        if (images := snapshot.images) is not None:
            self.guard(b"(the tree)", self.restore_tree, images.tree)
        if (metadata := snapshot.metadata) is not None:
            pieces = blob(self.packs, metadata.digest, metadata.length)
            path = os.path.join(self.target, b"metadata.tar")
            self.guard(b"metadata.tar", write_file, path, pieces, False)
            if metadata.log is not None:
                path = os.path.join(self.target, b"metadata.log")
                self.guard(b"metadata.log", write_file, path, stream(self.packs, metadata.log), False)
        # What is in a folder changes its time, so the deepest come first, and all of them last.
        for entry in reversed(self.folders):
            self.guard(entry.path, self.set_meta, entry)

    def guard(self, path, work, *args):
        """Tells what went wrong, and goes on. True where nothing did."""
        try:
            work(*args)
        # The last two: times, targets and numbers that no system call takes.
        except (Damaged, OSError, ValueError, OverflowError) as error:
            self.lost += 1
            warn(f"{path.decode(errors='backslashreplace')!r} is not restored as it was: {error}")
            return False
        return True

    def restore_tree(self, reference):
        for entry in tree(self.packs, reference):
            if self.guard(entry.path, self.restore_entry, entry) and entry.kind in (FILE, HARD_LINK):
                self.files.add(entry.path)

    def at(self, path):
        return os.path.join(self.target, path) if path else self.target

    def restore_entry(self, entry):
        path = self.at(entry.path)
        os.makedirs(os.path.dirname(path) if entry.path else path, exist_ok=True)
        if entry.kind == FOLDER:
            array(entry.fields, 0, 0)
            os.makedirs(path, exist_ok=True)
            self.folders.append(entry)
            return
        if entry.kind == HARD_LINK:
            target = octets(array(entry.fields, 1, 1)[0], high=MAX_PATH_BYTES)
            need(target in self.files, "a hard link to what was not restored before it")
            os.link(self.at(target), path, follow_symlinks=False)
            return
        if entry.kind == FILE:
            self.restore_file(path, array(entry.fields, 1, 1)[0])
        elif entry.kind == SYMLINK:
            os.symlink(octets(array(entry.fields, 1, 1)[0], high=MAX_PATH_BYTES), path)
        else:
            make_special(path, entry.kind, entry.fields)
        self.set_meta(entry)

    def restore_file(self, path, value):
        length, content, _identity, holes, _mismatch = array(value, 5, 5)
        number, inner = choice(content)
        inner = array(inner, 1, 1)[0]
        uint(length, U64), flag(holes)
        if number == 0:
            need(len(octets(inner, high=MAX_INLINE_BYTES)) == length, "an inline file has another length")
            write_file(path, [inner], holes)
        else:
            need(number == 1, "content of an unknown kind")
            write_file(path, blob(self.packs, octets(inner, 32), length), holes)

    def set_meta(self, entry):
        path = self.at(entry.path)
        if os.geteuid() == 0:
            os.chown(path, entry.owner, entry.group, follow_symlinks=False)
        for name, value in entry.xattrs:
            os.setxattr(path, name, value, follow_symlinks=False)
        if entry.kind != SYMLINK:
            os.chmod(path, entry.mode)
        os.utime(path, ns=(entry.mtime, entry.mtime), follow_symlinks=False)


def make_special(path, kind, numbers):
    if kind in (CHARACTER, BLOCK):
        major, minor = array(numbers, 2, 2)
        device = os.makedev(uint(major, U32), uint(minor, U32))
        os.mknod(path, 0o600 | (stat.S_IFCHR if kind == CHARACTER else stat.S_IFBLK), device)
    else:
        need(kind in (PIPE, SOCKET), "an entry of an unknown kind")
        array(numbers, 0, 0)
        os.mknod(path, 0o600 | (stat.S_IFIFO if kind == PIPE else stat.S_IFSOCK))


def write_file(path, pieces, holes):
    """Writes a new file, which is gone again when its bytes prove wrong."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "wb") as file:
        try:
            for data in pieces:
                write_sparse(file, data) if holes else file.write(data)
            file.truncate()
        except BaseException:
            os.unlink(path)
            raise


def write_sparse(file, data):
    """Steps over whole blocks of zeros."""
    at = 0
    while at < len(data):
        part = data[at : at + 4_096 - file.tell() % 4_096]
        file.write(part) if part.strip(b"\0") else file.seek(len(part), os.SEEK_CUR)
        at += len(part)


# README.md, "Reading a file back, from nothing"


def main(arguments):
    match arguments:
        case [repository, "snapshots"]:
            wanted = target = None
        case [repository, "restore", wanted, target]:
            pass
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    config = read_config(repository)
    password = os.environb.get(b"DTRVAULT_PASSWORD", b"")
    keys = Keys(open_keys(repository, password, config))
    names = ids(os.path.join(repository, "snapshots"))
    if target is None:
        snapshots, damaged = readable(repository, keys, names)
        print(json.dumps([shown(snapshot) for snapshot in snapshots], indent=2))
        return Damaged.code if damaged else 0
    snapshot = find(repository, keys, names, wanted)
    packs = Packs(repository, keys, Index(repository, keys))
    restore = Restore(packs, target)
    restore.run(snapshot)
    return Damaged.code if restore.lost or packs.damaged else 0


def readable(repository, keys, names):
    """Snapshots, oldest first, and whether some could not be opened."""
    found, damaged = [], False
    for name in names:
        try:
            found.append(read_snapshot(repository, keys, name))
        except Damaged as error:
            damaged = True
            warn(f"snapshot {name} cannot be read: {error}")
    return sorted(found, key=lambda snapshot: (snapshot.begun, snapshot.id)), damaged


def find(repository, keys, names, wanted):
    if wanted == "latest":
        found, damaged = readable(repository, keys, names)
        need(not damaged, "which snapshot is the latest cannot be told; name one")
        if found:
            return found[-1]
    matching = [name for name in names if wanted and name.startswith(wanted)]
    if len(matching) != 1:
        raise Refused(f"{len(matching)} snapshots begin with {wanted!r}")
    return read_snapshot(repository, keys, matching[0])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Refused, Damaged) as error:
        warn(error)
        sys.exit(error.code)
    except OSError as error:
        warn(error)
        sys.exit(1)

#!/usr/bin/python3
"""Answers requests like main.go, with zlib's streams.

FORM is "deflate"; "flush", which flushes after each piece; or "primed", where the first BLOCK
bytes are a preset dictionary.
"""
import sys
import zlib

requests, answers = sys.stdin.buffer, sys.stdout.buffer
for request in requests:
    form, level, block, length = request.split()
    block = int(block)
    plain = requests.read(int(length))
    options = [int(level), zlib.DEFLATED, -15, 8, zlib.Z_DEFAULT_STRATEGY]
    if form == b"primed":
        options.append(plain[:block])
        plain, block = plain[block:], 0
    encoder = zlib.compressobj(*options)
    encoded = []
    step = block or max(1, len(plain))
    for at in range(0, len(plain), step):
        encoded.append(encoder.compress(plain[at : at + step]))
        if form == b"flush":
            encoded.append(encoder.flush(zlib.Z_SYNC_FLUSH))
    encoded.append(encoder.flush())
    encoded = b"".join(encoded)
    answers.write(b"%d\n" % len(encoded) + encoded)
    answers.flush()

"""Follows a ledger over HTTP as a monitor would that knows nothing but the C2SP specifications
(signed-note, tlog-checkpoint, tlog-tiles), RFC 6962 and RFC 8032, each in its own words.

usage: follower.py URL VKEY     (credential, if any, in FOLLOWER_AUTHORIZATION)

For each line on standard input, a number, it waits until a checkpoint of at least that size is served,
takes in everything up to it, and prints `<size> <root in base64>`. It ends with an error at the first
thing that is not as it should be: a signature, a leaf, a hash of any tile, the root over entries, the
root over tiles, a history that changed, a header.
"""

import base64
import hashlib
import os
import sys
import time
import urllib.error
import urllib.request

PATIENCE_S = 30


# RFC 8032 section 5.1, verification only.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    assert y < P, "a point's y is too large"
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * SQRT_M1 % P
    assert (x * x - xx) % P == 0, "not a point of the curve"
    return P - x if x & 1 != sign else x


def point(encoded):
    number = int.from_bytes(encoded, "little")
    y = number & (1 << 255) - 1
    x = recover_x(y, number >> 255)
    return (x, y, 1, x * y % P)


def add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number, p):
    q = (0, 1, 1, 0)
    while number:
        if number & 1:
            q = add(q, p)
        p = add(p, p)
        number >>= 1
    return q


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def is_signed(key, text, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(r + key + text).digest(), "little") % L
    p, q = times(s, BASE), add(point(r), times(h, point(key)))
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


# RFC 6962 section 2.1.
def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def root(hashes):
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root(hashes[:split]) + root(hashes[split:])).digest()


# c2sp.org/signed-note and tlog-checkpoint.
def checkpoint(note, vkey):
    name, digits, encoded = vkey.split("+", 2)
    material = base64.b64decode(encoded, validate=True)
    key_id = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
    assert (material[:1], key_id.hex()) == (b"\x01", digits), "the key's id is not its own"
    text, signatures = note.rsplit(b"\n\n", 1)
    text += b"\n"
    for line in signatures.decode().splitlines():
        dash, signer, blob = line.split(" ")
        blob = base64.b64decode(blob, validate=True)
        if (dash, signer, blob[:4]) == ("\u2014", name, key_id):
            assert is_signed(material[1:], text, blob[4:]), "the checkpoint's signature is wrong"
            break
    else:
        raise AssertionError("the checkpoint is not signed by the log")
    origin, size, encoded_root = text.decode().splitlines()
    assert origin == name, f"the checkpoint is of {origin}"
    assert size == str(int(size)), "the size has another spelling"
    return int(size), base64.b64decode(encoded_root, validate=True)


# c2sp.org/tlog-tiles.
def path(kind, index, width):
    groups = []
    while True:
        groups.insert(0, f"{index % 1000:03}")
        index //= 1000
        if not index:
            break
    spelt = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return f"tile/{kind}/{spelt}" + (f".p/{width}" if width < 256 else "")


class Monitor:
    def __init__(self, url, vkey):
        self.url, self.vkey = url, vkey
        self.size, self.root = 0, root([])
        self.leaves = []
        self.partial = {}

    def get(self, what):
        request = urllib.request.Request(f"{self.url}/{what}")
        if "FOLLOWER_AUTHORIZATION" in os.environ:
            request.add_header("Authorization", os.environ["FOLLOWER_AUTHORIZATION"])
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.headers, answer.read()

    def absent(self, what):
        try:
            self.get(what)
        except urllib.error.HTTPError as error:
            assert error.code == 404, f"{what} is {error.code}"
            return
        raise AssertionError(f"{what} is served")

    def tile(self, level, index, width):
        headers, body = self.get(path(level, index, width))
        assert headers["Content-Type"] == "application/octet-stream", "a tile of another type"
        assert "immutable" in headers["Cache-Control"], "a tile that may not be kept"
        assert len(body) == 32 * width, f"tile {level}/{index} has {len(body)} bytes"
        return [body[at:at + 32] for at in range(0, len(body), 32)]

    def bundle(self, index, width):
        _, body = self.get(path("entries", index, width))
        entries = []
        while body:
            length = int.from_bytes(body[:2], "big")
            assert len(body) >= 2 + length, f"bundle {index} is cut off"
            entries.append(body[2:2 + length])
            body = body[2 + length:]
        assert len(entries) == width, f"bundle {index} has {len(entries)} entries"
        return entries

    def follow(self, least):
        until = time.monotonic() + PATIENCE_S
        while True:
            headers, note = self.get("checkpoint")
            size, signed = checkpoint(note, self.vkey)
            if size >= least:
                break
            assert time.monotonic() < until, f"the log stays at {size} entries"
            time.sleep(0.05)
        assert headers["Content-Type"] == "text/plain; charset=utf-8", "a checkpoint of another type"
        assert size >= self.size, "the log has become shorter"

        # Every hash of every level, from the tiles that the specification has for this size.
        levels, hashes, level = [], size, 0
        while hashes:
            row = []
            for index in range(hashes // 256):
                row += self.tile(level, index, 256)
            if hashes % 256:
                row += self.tile(level, hashes // 256, hashes % 256)
            else:
                self.absent(path(level, hashes // 256, 1))
            self.absent(path(level, hashes // 256, hashes % 256 + 1))
            levels.append(row)
            hashes //= 256
            level += 1
        self.absent(path(level, 0, 1))

        # Only the entries that are new; an old bundle that was partial is asked for again as it was.
        for (kind, index, width), known in self.partial.items():
            again = self.bundle(index, width) if kind == "entries" else self.tile(kind, index, width)
            assert again == known, f"{path(kind, index, width)} has changed"
        new = []
        for index in range(len(self.leaves) // 256, -(-size // 256)):
            width = min(256, size - 256 * index)
            entries = self.bundle(index, width)
            if width < 256:
                self.partial = {("entries", index, width): entries}
                self.partial[0, index, width] = levels[0][256 * index:]
            new += entries[max(0, len(self.leaves) - 256 * index):]
        self.leaves += [leaf_hash(entry) for entry in new]

        assert levels[0] == self.leaves, "a leaf's hash is not its entry's"
        for above, below in zip(levels[1:], levels):
            computed = [root(below[256 * at:256 * at + 256]) for at in range(len(below) // 256)]
            assert above == computed, "a tile's hash is not that of the tile below it"
        assert root(self.leaves) == signed, "the entries do not give the root that was signed"
        assert self.over_tiles(levels, 0, size) == signed, "the tiles do not give the root"
        assert self.over_tiles(levels, 0, self.size) == self.root, "the history was changed"
        self.size, self.root = size, signed
        print(size, base64.b64encode(signed).decode(), flush=True)

    def over_tiles(self, levels, start, end):
        """MTH(D[start:end]), from the highest tiles that have it."""
        size = end - start
        if size == 0:
            return root([])
        for level in reversed(range(len(levels))):
            step = 256**level
            if size % step == 0 and start % step == 0 and size & (size - 1) == 0:
                return root(levels[level][start // step:end // step])
        split = 1 << (size - 1).bit_length() - 1
        halves = self.over_tiles(levels, start, start + split), self.over_tiles(levels, start + split, end)
        return hashlib.sha256(b"\x01" + halves[0] + halves[1]).digest()


def main(url, vkey):
    monitor = Monitor(url, vkey)
    for line in sys.stdin:
        monitor.follow(int(line))


main(*sys.argv[1:])

"""Makes the golden files beside it from fixed keys, with nothing but Python's standard library.

Shares no code with the crate: Ed25519 is written from RFC 8032 section 5.1, the tree from RFC 6962
section 2.1, the formats from C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof and tlog-policy.
Run it again only if a format changes on purpose; the tests read the files, not this script.
"""
import base64
import hashlib
import hmac
import pathlib
import struct

HERE = pathlib.Path(__file__).parent

# --- Ed25519 (RFC 8032 section 5.1) -------------------------------------------------------------------
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def recover_x(y, sign):
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return P - x if x % 2 != sign else x


BASE_Y = 4 * pow(5, -1, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y)


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    k = D * x1 * x2 * y1 * y2 % P
    return ((x1 * y2 + y1 * x2) * pow(1 + k, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P)


def times(n, point):
    result = (0, 1)
    while n:
        if n & 1:
            result = add(result, point)
        point, n = add(point, point), n >> 1
    return result


def encode_point(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def expand(seed):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254
    return a, h[32:]


def public(seed):
    return encode_point(times(expand(seed)[0], BASE))


def sign(seed, message):
    a, prefix = expand(seed)
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    big_r = encode_point(times(r, BASE))
    k = int.from_bytes(hashlib.sha512(big_r + public(seed) + message).digest(), "little") % L
    return big_r + ((r + k * a) % L).to_bytes(32, "little")


def sign_with_small_order_nonce(seed, message):
    """A signature whose R is the neutral element: plain verification accepts it, strict verification must not."""
    big_r = encode_point((0, 1))
    k = int.from_bytes(hashlib.sha512(big_r + public(seed) + message).digest(), "little") % L
    return big_r + (k * expand(seed)[0] % L).to_bytes(32, "little")


# RFC 8032 section 7.1, test 1: the arithmetic above is right.
TEST_1 = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
assert public(TEST_1).hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
assert sign(TEST_1, b"").hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")

# --- notes ----------------------------------------------------------------------------------------------


def b64(data):
    return base64.b64encode(data).decode()


def key_id(name, kind, seed):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public(seed)).digest()[:4]


def vkey(name, kind, seed):
    return f"{name}+{key_id(name, kind, seed).hex()}+{b64(bytes([kind]) + public(seed))}"


def log_line(text, name, seed, sign=sign):
    return f"\u2014 {name} {b64(key_id(name, 1, seed) + sign(seed, text.encode()))}\n"


def witness_line(text, name, seed, time):
    signature = sign(seed, f"cosignature/v1\ntime {time}\n{text}".encode())
    return f"\u2014 {name} {b64(key_id(name, 4, seed) + struct.pack('>Q', time) + signature)}\n"


# --- tree -----------------------------------------------------------------------------------------------


def mth(d):
    if len(d) == 1:
        return hashlib.sha256(b"\0" + d[0]).digest()
    k = 1
    while 2 * k < len(d):
        k *= 2
    return hashlib.sha256(b"\1" + mth(d[:k]) + mth(d[k:])).digest()


def path(m, d):
    if len(d) == 1:
        return []
    k = 1
    while 2 * k < len(d):
        k *= 2
    return path(m, d[:k]) + [mth(d[k:])] if m < k else path(m - k, d[k:]) + [mth(d[:k])]


# --- the files ------------------------------------------------------------------------------------------

ORIGIN = "ledger.example.com/golden"
LOG = bytes(range(32))
WITNESSES = [(f"witness{n}.example/w", bytes([n]) * 32) for n in (1, 2, 3)]
ENTRIES = [f'{{"v":1,"seq":{n},"kind":"golden"}}'.encode() for n in range(5)]
SUBJECT_KEY = bytes([5]) * 32
KEYS = [("email", "person@example.com"), ("domain", "example.com"), ("phone", "+12025550123")]

text = f"{ORIGIN}\n{len(ENTRIES)}\n{b64(mth(ENTRIES))}\n"
checkpoint = text + "\n" + log_line(text, ORIGIN, LOG)
cosigned = checkpoint + "".join(
    witness_line(text, name, seed, 1_790_000_000 + at) for at, (name, seed) in enumerate(WITNESSES[:2])
)


def proof(n):
    return "".join(b64(h) + "\n" for h in path(n, ENTRIES))


def receipt(n, checkpoint):
    return f"c2sp.org/tlog-proof@v1\nextra {b64(ENTRIES[n])}\nindex {n}\n{proof(n)}\n{checkpoint}"


evidence = "ledger-evidence/v1\n"
for n in (3, 0, 1, 4):
    evidence += f"entry {n} {b64(ENTRIES[n])}\n{proof(n)}"
evidence += "\n" + checkpoint

opening = "ledger-opening/v1\n"
for kind, identifier in KEYS:
    s = hmac.new(SUBJECT_KEY, kind.encode() + b"\0" + identifier.encode(), hashlib.sha256).hexdigest()
    opening += f"{kind} {b64(identifier.encode())} {s}\n"

policy = f"# Two of three witnesses, and the log.\nlog {vkey(ORIGIN, 1, LOG)} https://ledger.example.com/golden\n\n"
for at, (name, seed) in enumerate(WITNESSES):
    policy += f"witness w{at + 1} {vkey(name, 4, seed)}\n"
policy += "group two-of-three 2 w1 w2 w3\nquorum two-of-three\n"

for name, content in {
    "ledger.vkey": vkey(ORIGIN, 1, LOG) + "\n",
    "trust.policy": policy,
    "checkpoint": checkpoint,
    "checkpoint.cosigned": cosigned,
    "checkpoint.small-order-nonce": text + "\n" + log_line(text, ORIGIN, LOG, sign_with_small_order_nonce),
    "entry-3.tlog-proof": receipt(3, checkpoint),
    "entry-4.cosigned.tlog-proof": receipt(4, cosigned),
    "entry-3.evidence": evidence,
    "person.opening": opening,
}.items():
    (HERE / name).write_bytes(content.encode())

"""Signs as SendGrid does, sharing no code with the ledger: ECDSA over P-256 (FIPS 186-5, SEC 1).

usage: p256.py SECRET key        prints the public key, base64 of its DER SubjectPublicKeyInfo
       p256.py SECRET sign       prints the signature of standard input, base64 of its DER form

SECRET is the private key in hex. Not for secrets that matter: nothing here is constant-time.
"""

import base64
import hashlib
import hmac
import sys

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
# SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING }
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    if a == b:
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(scalar, point):
    total = None
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def integer(value):
    body = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return bytes([2, len(body)]) + body


def sign(secret, message):
    digest = hashlib.sha256(message).digest()
    # Any nonce that nobody can guess will do; this one makes the same signature every time.
    seed = hmac.new(secret.to_bytes(32, "big"), digest, hashlib.sha256).digest()
    nonce = int.from_bytes(seed, "big") % (N - 1) + 1
    r = times(nonce, G)[0] % N
    s = pow(nonce, -1, N) * (int.from_bytes(digest, "big") + r * secret) % N
    body = integer(r) + integer(s)
    return bytes([0x30, len(body)]) + body


def main(secret, what):
    secret = int(secret, 16)
    if what == "key":
        x, y = times(secret, G)
        out = SPKI + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    else:
        out = sign(secret, sys.stdin.buffer.read())
    print(base64.b64encode(out).decode())


main(*sys.argv[1:])

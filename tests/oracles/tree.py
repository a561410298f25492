"""Hashes an export once more, sharing no code with the ledger: RFC 6962 section 2.1 in its own words.

usage: tree.py EXPORT

Prints `<size> <root in hex>` where every line's leaf hash is the one in `leaves` and their root is the
checkpoint's; ends with an error that names the first line that is wrong otherwise. Signatures are not
checked.
"""

import base64
import hashlib
import json
import pathlib
import sys


def root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest()


def main(export):
    folder = pathlib.Path(export)
    lines = (folder / "entries.jsonl").read_bytes().split(b"\n")
    assert lines.pop() == b"", "the last line does not end"
    leaves = [hashlib.sha256(b"\x00" + line).digest() for line in lines]
    stored = (folder / "leaves").read_bytes()
    for seq, leaf in enumerate(leaves):
        assert stored[32 * seq:32 * seq + 32] == leaf, f"line {seq} has another hash"
        assert json.loads(lines[seq])["seq"] == seq, f"line {seq} says it is another"
    assert len(stored) == 32 * len(leaves), "surplus hashes"
    _, size, signed = (folder / "checkpoint").read_text().split("\n")[:3]
    computed = root(leaves)
    assert (int(size), base64.b64decode(signed)) == (len(leaves), computed), "the checkpoint is of another log"
    print(size, computed.hex())


main(*sys.argv[1:])

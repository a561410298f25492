"""Checks an evidence pack once more, sharing no code with the ledger: hashes, proofs, pseudonyms, completeness.

usage: pack.py PACK

PACK is a folder or a zip archive. Prints one JSON object with what it found, or ends with an error that names the first
thing that is wrong. Signatures are not checked, and neither is the report.
"""

import base64
import hashlib
import json
import pathlib
import sys
import zipfile


def files(path):
    if path.is_dir():
        return {item.name: item.read_bytes() for item in path.iterdir()}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None, "the archive is damaged"
        return {name: archive.read(name) for name in archive.namelist()}


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root_of(leaf, index, size, proof):
    """RFC 9162 section 2.1.3.2, which is RFC 6962's audit path turned into steps."""
    fn, sn, node = index, size - 1, leaf
    for sibling in proof:
        assert sn > 0, "surplus hashes"
        if fn & 1 or fn == sn:
            node = sha256(b"\x01", sibling, node)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = sha256(b"\x01", node, sibling)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0, "missing hashes"
    return node


def tokens_of(opening):
    lines = opening.decode().splitlines()
    assert lines[0] == "ledger-opening/v1", lines[0]
    found = {}
    for line in lines[1:]:
        kind, identifier, secret = line.split(" ")
        name = base64.b64decode(identifier)
        token = sha256(b"ledger-token/v1", bytes.fromhex(secret), kind.encode(), b"\x00", name)
        found[token.hex()] = (kind, name.decode())
    return found


def main(path):
    pack = files(pathlib.Path(path))
    manifest = json.loads(pack["manifest.json"])
    named = {file["name"]: file for file in manifest["files"]}
    assert set(named) | {"manifest.json"} == set(pack), "other files than the manifest's"
    for name, file in named.items():
        assert len(pack[name]) == file["bytes"], f"{name} has another size"
        assert sha256(pack[name]).hex() == file["sha256"], f"{name} has another hash"

    origin, size, root = pack["checkpoint"].decode().split("\n")[:3]
    assert origin == manifest["ledger"]["origin"]
    lines = pack["entries.jsonl"].split(b"\n")
    proofs = pack["proofs.jsonl"].split(b"\n")
    assert lines.pop() == b"" and proofs.pop() == b"" and len(lines) == len(proofs)
    entries = {}
    for line, proof in zip(lines, map(json.loads, proofs)):
        seq = proof["seq"]
        path_of = [bytes.fromhex(node) for node in proof["proof"]]
        computed = root_of(sha256(b"\x00", line), seq, int(size), path_of)
        assert computed == base64.b64decode(root), f"entry {seq} is not in the log"
        entries[seq] = json.loads(line)
        assert entries[seq]["seq"] == seq

    access = entries[manifest["access"]]
    assert (access["kind"], access["call"]) == ("access", "GetPack")
    query = manifest["query"]
    words = ["ledger-pack/v1", query.get("correlation_id", ""), "details" if query["details"] else "plain"]
    words += [str(seq) for seq in sorted(entries) if seq != manifest["access"]]
    assert sha256("".join(word + "\n" for word in words).encode()).hex() == access["pack"], "other entries were handed out"

    about = []
    if "person" in query:
        tokens = tokens_of(pack["person.opening"])
        assert {key["token"] for key in access["tokens"]} == set(tokens), "other pseudonyms were opened"
        own = {token for token, (kind, _) in tokens.items() if kind not in ("domain", "account")}
        for seq, entry in entries.items():
            keys = [key["token"] for recipient in entry.get("recipients", []) for key in recipient["keys"]]
            if entry["kind"] == "decision" and own.intersection(keys):
                about.append([seq, entry["outcome"]])
    print(json.dumps({"entries": len(entries), "size": int(size), "decisions": about}))


main(*sys.argv[1:])

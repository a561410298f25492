"""How a receipt travels with its message: as header fields that the server takes off again.

    Ledger-Receipt: <base64 of the .tlog-proof>
    Ledger-Detail: recipients <base64 of salt and detail>
    Ledger-Detail: params <base64 of salt and detail>

They stand before the message, which stays as it is, byte for byte: its hash is what the decision commits to.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

CRLF = b"\r\n"
PREFIX = b"ledger-"
RECEIPT = "Ledger-Receipt"
DETAIL = "Ledger-Detail"

# RFC 5322 section 2.1.1 asks for no more than 78 characters a line.
FOLD = 72


class Malformed(ValueError):
    """What was submitted is no message with a receipt. Says what is wrong with it."""


@dataclass(frozen=True)
class Carried:
    """A message, and what came with it."""

    message: bytes
    receipt: bytes | None = None
    details: dict[str, bytes] = field(default_factory=dict)


def attach(carried: Carried) -> bytes:
    """The bytes to submit."""
    fields = [_folded(RECEIPT, "", carried.receipt)] if carried.receipt is not None else []
    fields += [_folded(DETAIL, f" {name}", salted) for name, salted in carried.details.items()]
    return b"".join(fields) + carried.message


def detach(submitted: bytes) -> Carried:
    """What was attached, and the message without it."""
    # What one server takes for the end of a line another may not: a message could smuggle in a second one.
    if re.search(rb"\r(?!\n)|(?<!\r)\n|\0", submitted):
        raise Malformed("lines must end with CR LF, and there must be no NUL")
    head, end, body = submitted.partition(CRLF + CRLF)
    fields = re.split(rb"\r\n(?![ \t])", head)
    own = [line for line in fields if line[: len(PREFIX)].lower() == PREFIX]
    rest = [line for line in fields if line[: len(PREFIX)].lower() != PREFIX]
    if not end or not rest:
        raise Malformed("expected header fields, an empty line and a body")
    receipt: bytes | None = None
    details: dict[str, bytes] = {}
    for line in own:
        name, _, value = line.partition(b":")
        words = value.decode("ascii", "replace").split()
        if name.decode("ascii", "replace").lower() == RECEIPT.lower() and receipt is None:
            receipt = _decoded(RECEIPT, words)
        elif name.decode("ascii", "replace").lower() == DETAIL.lower() and words and words[0] not in details:
            details[words[0]] = _decoded(DETAIL, words[1:])
        else:
            raise Malformed(f"expected one `{RECEIPT}`, one `{DETAIL}` of each name, and no other `Ledger-` field")
    return Carried(CRLF.join(rest) + end + body, receipt, details)


def _folded(name: str, first: str, value: bytes) -> bytes:
    text = base64.b64encode(value).decode()
    lines = [f"{name}:{first}"] + [text[at : at + FOLD] for at in range(0, len(text), FOLD)]
    return "\r\n ".join(lines).encode() + CRLF


def _decoded(name: str, words: list[str]) -> bytes:
    try:
        return base64.b64decode("".join(words), validate=True)
    except binascii.Error as error:
        raise Malformed(f"`{name}` is not base64") from error

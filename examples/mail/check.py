"""What the mail server demands of a message before it takes it: proof that the ledger allowed exactly this.

Nothing here asks the ledger. The receipt proves the decision; the details that come with it open the
decision's commitments to recipients and message; envelope and message must be what was committed to.
"""

from __future__ import annotations

import email
import email.message
import email.policy
import hashlib
import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NoReturn

from carrier import Carried

# What a receipt of 90 KB takes is milliseconds; a verifier that takes longer is in trouble.
VERIFIER_PATIENCE_S = 20
SALT_BYTES = 32

# What the decision must say. An asserted one was made elsewhere, and one of a sandbox is to reach nobody.
ALLOWED = {
    "kind": "decision",
    "basis": "gate",
    "environment": "prod",
    "action": "email.send",
    "class": "contact",
    "outcome": "allow",
}

# RFC 3463: delivery not authorized; message integrity failure.
UNAUTHORIZED = "5.7.1"
INTEGRITY = "5.7.7"


class Refused(Exception):
    """The message is not to be delivered, ever. `code` is stable; the words are for people and name nobody."""

    def __init__(self, code: str, words: str, status: str = UNAUTHORIZED) -> None:
        super().__init__(f"{code}: {words}")
        self.code = code
        self.words = words
        self.status = status


class Trouble(Exception):
    """Whether the message may be delivered cannot be told now. Says why."""


@dataclass(frozen=True)
class Terms:
    """Whom the server believes, and what it takes."""

    verifier: str
    """The `ledger-verify` to run."""
    vkey: str
    """The verification key of the one ledger whose receipts count, or the file that holds it."""
    mailboxes: Mapping[str, str]
    """The token by which the log knows a mailbox, and the address that sends from it."""


@dataclass(frozen=True)
class Submission:
    """One message as it came in."""

    sender: str
    """MAIL FROM."""
    recipients: list[str]
    """Each RCPT TO, in order."""
    carried: Carried


@dataclass(frozen=True)
class Admitted:
    """A message that may be delivered, if its receipt is not used up."""

    origin: str
    seq: int
    valid_until: datetime
    recipients: list[str]
    message: bytes


def refuse(code: str, words: str, status: str = UNAUTHORIZED) -> NoReturn:
    """Ends the check."""
    raise Refused(code, words, status)


def check(terms: Terms, submission: Submission) -> Admitted:
    """Everything but the time and the single use, which come last."""
    carried = submission.carried
    if carried.receipt is None:
        refuse("receipt.missing", "this server takes a message only with the ledger's receipt for it")
    proven = verify(terms, carried.receipt)
    origin, seq, entry = proven["checkpoint"]["origin"], proven["seq"], proven["entry"]
    allowed(entry)
    people = json.loads(opened(entry, "recipients", carried.details))
    params = json.loads(opened(entry, "params", carried.details))
    if not isinstance(params, dict):
        refuse("message.uncommitted", "the decision's `params` are no JSON object with `from` and `message_sha256`")
    reached(people, submission.recipients)
    sent_from(terms, entry, params, submission.sender)
    unaltered(params, carried.message)
    headers(people, submission.sender, carried.message)
    until = datetime.strptime(entry["valid_until"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return Admitted(origin, seq, until, submission.recipients, carried.message)


def verify(terms: Terms, receipt: bytes) -> dict[str, Any]:
    """What the verifier proves of a receipt: its entry, its place and the checkpoint."""
    command = [terms.verifier, "receipt", "--json", "--vkey", terms.vkey, "-"]
    try:
        run = subprocess.run(command, input=receipt, capture_output=True, timeout=VERIFIER_PATIENCE_S, check=False)
        report = json.loads(run.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise Trouble(f"the verifier did not judge: {error}") from error
    if run.returncode == 0:
        proven: dict[str, Any] = report["result"]["receipts"][0]
        return proven
    failed = report["steps"][-1]
    if failed["check"] == "trust":
        raise Trouble(f"the verifier has no key to trust: {failed['words']}")
    refuse("receipt.refuted", f"ledger-verify: {failed['check']}: {failed['words']}")


def in_time(admitted: Admitted, now: datetime) -> None:
    """That the allow still stands, by this server's own clock."""
    if now >= admitted.valid_until:
        refuse("decision.expired", f"it had to be carried out before {admitted.valid_until.isoformat()}")


def allowed(entry: Mapping[str, Any]) -> None:
    """That it is the ledger's own decision, and an allow of an e-mail to real people."""
    for name, expected in ALLOWED.items():
        found = entry.get(name)
        if found != expected:
            refuse(f"decision.{name}", f"the entry's {name} is `{found}`, expected `{expected}`")


def opened(entry: Mapping[str, Any], name: str, details: Mapping[str, bytes]) -> bytes:
    """A detail, if it is what the entry commits to: SHA-256 over salt and detail."""
    committed = entry.get("details", {}).get(name)
    if committed is None:
        refuse("detail.uncommitted", f"the decision commits to no `{name}`")
    salted = details.get(name)
    if salted is None:
        refuse("detail.missing", f"the receipt comes without the decision's `{name}`")
    if hashlib.sha256(salted).hexdigest() != committed["commitment"]:
        refuse("detail.refuted", f"this is not the `{name}` that the decision commits to", INTEGRITY)
    return salted[SALT_BYTES:]


def reached(people: list[Mapping[str, Any]], recipients: Iterable[str]) -> None:
    """That the envelope reaches everybody whom the gate has looked up, each once, and nobody else."""
    envelope = sorted(canonical(address) for address in recipients)
    decided = sorted(canonical(person.get("email", "")) for person in people)
    if envelope != decided:
        more, fewer = len(set(envelope) - set(decided)), len(set(decided) - set(envelope))
        refuse(
            "envelope.recipients",
            f"{more} of the envelope's {len(envelope)} recipients were not decided on, and {fewer} of the "
            f"{len(decided)} decided on are not there",
        )


def sent_from(terms: Terms, entry: Mapping[str, Any], params: Mapping[str, Any], sender: str) -> None:
    """That the message comes from the mailbox whose limits were counted."""
    address = terms.mailboxes.get(entry.get("mailbox", ""))
    if address is None:
        refuse("mailbox.unknown", "the decision is about a mailbox that this server does not send for")
    if not canonical(address) == canonical(sender) == canonical(str(params.get("from"))):
        refuse("envelope.sender", "MAIL FROM is not the address of the decision's mailbox")


def unaltered(params: Mapping[str, Any], message: bytes) -> None:
    """That it is the message that was decided on, to the byte."""
    if params.get("message_sha256") != hashlib.sha256(message).hexdigest():
        refuse("message.altered", "the message is not the one that the decision commits to", INTEGRITY)


def headers(people: list[Mapping[str, Any]], sender: str, message: bytes) -> None:
    """That the message shows what the envelope does: who writes, and to whom openly."""
    parsed = email.message_from_bytes(message, policy=email.policy.SMTP)
    shown = {name: addresses(parsed, name) for name in ("from", "to", "cc", "bcc", "sender")}
    decided = {
        role: sorted(canonical(person["email"]) for person in people if person["role"] == role) for role in ("to", "cc")
    }
    expected = {"from": [canonical(sender)], **decided, "bcc": [], "sender": []}
    for name, found in shown.items():
        if found != expected[name]:
            refuse("message.headers", f"its `{name}` shows other addresses than were decided on")


def addresses(message: email.message.Message[Any, Any], name: str) -> list[str]:
    """Every address in every header field of that name."""
    fields: list[Any] = message.get_all(name, [])
    return sorted(canonical(address.addr_spec) for field in fields for address in field.addresses)


def canonical(address: str) -> str:
    """An address as two are compared. Only the domain's case means nothing (RFC 5321 section 2.4)."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"

"""The enforcement point: a mail server that delivers a message only with the ledger's receipt for it.

usage: server.py --vkey FILE --mailbox TOKEN=ADDRESS --maildir FOLDER --used FILE [--listen 127.0.0.1:2525]

Where your mail leaves your house, put a server that does this before everything else, and let nothing else
out. This one delivers into a Maildir for each recipient, where a real one would relay.
"""

from __future__ import annotations

import argparse
import asyncio
import mailbox
import pathlib
import secrets
import sys
from datetime import datetime, timezone
from email.utils import format_datetime
from urllib.parse import quote

from aiosmtpd.smtp import SMTP, Envelope, Session

from carrier import Malformed, detach
from check import Admitted, Refused, Submission, Terms, Trouble, check, in_time
from used import Used

HOST = "mail.ledger.invalid"
# As many as one decision can name.
RECIPIENTS_MAX = 50
MESSAGE_BYTES_MAX = 10 * 1024 * 1024
IDLE_S = 60
# RFC 5321 section 4.5.3.1.5 allows 512 octets to a line of a reply.
REPLY_CHARACTERS_MAX = 500


class Door:
    """Takes messages, one call of aiosmtpd's at a time. What is not clearly allowed is not delivered."""

    def __init__(self, terms: Terms, used: Used, maildir: pathlib.Path) -> None:
        self._terms = terms
        self._used = used
        self._maildir = maildir

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:
        """Collects recipients. Whether they may be written to, the receipt says later."""
        if len(envelope.rcpt_tos) >= RECIPIENTS_MAX:
            return f"452 4.5.3 at most {RECIPIENTS_MAX} recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """The whole message is there: checks it, and answers for it."""
        # The verifier is a process and the table is a disk: other connections need not wait for them.
        answer = await asyncio.to_thread(self._take, envelope)
        return one_line(answer)

    async def handle_exception(self, error: Exception) -> str:
        """Whatever was not foreseen delivers nothing."""
        log(f"error: {error!r}")
        return "451 4.3.0 internal error, nothing was delivered"

    def _take(self, envelope: Envelope) -> str:
        try:
            submission = Submission(envelope.mail_from or "", list(envelope.rcpt_tos), detach(envelope.original_content or b""))
            admitted = check(self._terms, submission)
            in_time(admitted, datetime.now(timezone.utc))
            return self._deliver(admitted)
        except Malformed as error:
            log("refused: message.malformed")
            return f"550 5.6.0 message.malformed: {error}"
        except Refused as error:
            log(f"refused: {error.code}")
            return f"550 {error.status} {error}"
        except Trouble as error:
            log(f"trouble: {error}")
            return "451 4.7.0 the receipt cannot be checked now, nothing was delivered"

    def _deliver(self, admitted: Admitted) -> str:
        queue_id = secrets.token_hex(8)
        # The quotes leave no `/` in a folder's name.
        folders = [(recipient, self._maildir / quote(recipient, safe="@+")) for recipient in admitted.recipients]
        inboxes = [(recipient, inbox_in(folder)) for recipient, folder in folders]
        # The receipt is used up before anything is delivered: what dies in between is delivered never, not twice.
        if not self._used.take(admitted.origin, admitted.seq, queue_id):
            raise Refused("receipt.used", f"entry {admitted.seq} has had its one delivery: ask the ledger again")
        now = format_datetime(datetime.now(timezone.utc))
        received = f"Received: by {HOST} with ESMTP id {queue_id}; {now}\r\n".encode()
        try:
            for recipient, inbox in inboxes:
                inbox.add(b"Delivered-To: " + recipient.encode() + b"\r\n" + received + admitted.message)
        except OSError as error:
            log(f"failed: entry {admitted.seq} as {queue_id}: {error.strerror}")
            return f"554 5.3.0 {queue_id} could not be delivered to everybody, and its receipt is used up"
        log(f"delivered: entry {admitted.seq} as {queue_id}")
        return f"250 2.0.0 queued as {queue_id}"


def inbox_in(folder: pathlib.Path) -> mailbox.Maildir:
    """The Maildir there, made if need be. `mailbox` would fail, or find half of one, where another thread makes it, too."""
    for part in (folder, folder / "tmp", folder / "new", folder / "cur"):
        part.mkdir(mode=0o700, exist_ok=True)
    return mailbox.Maildir(folder, create=False)


def one_line(answer: str) -> str:
    """A reply that is one, whatever the verifier quotes of what was submitted."""
    words = " ".join(answer.split()).encode("ascii", "replace").decode()
    return "".join(c if c.isprintable() else "?" for c in words)[:REPLY_CHARACTERS_MAX]


def log(line: str) -> None:
    """Standard error. No addresses: the log is not where people are kept."""
    print(line, file=sys.stderr, flush=True)


async def serve(door: Door, host: str, port: int) -> None:
    """Serves until the process is ended. Says where on standard output, for whoever let the system choose."""

    def session() -> SMTP:
        return SMTP(door, hostname=HOST, ident="Agent Ledger example", data_size_limit=MESSAGE_BYTES_MAX, timeout=IDLE_S)

    server = await asyncio.get_running_loop().create_server(session, host, port)
    bound = server.sockets[0].getsockname()
    print(f"{bound[0]}:{bound[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="A mail server that delivers only what the ledger allowed.")
    parser.add_argument("--listen", default="127.0.0.1:2525", metavar="HOST:PORT", help="port 0: the system chooses")
    parser.add_argument("--maildir", required=True, type=pathlib.Path, metavar="FOLDER", help="a Maildir for each recipient in it")
    parser.add_argument("--used", required=True, type=pathlib.Path, metavar="FILE", help="the receipts used; keep it")
    parser.add_argument("--vkey", required=True, metavar="VKEY|FILE", help="the ledger's verification key")
    parser.add_argument("--verifier", default="ledger-verify", metavar="PROGRAM")
    parser.add_argument("--mailbox", action="append", required=True, metavar="TOKEN=ADDRESS", help="see `ledgerctl token --mailbox`")
    given = parser.parse_args()
    mailboxes = dict(pair.split("=", 1) for pair in given.mailbox)
    host, _, port = given.listen.rpartition(":")
    given.maildir.mkdir(parents=True, exist_ok=True)
    terms = Terms(given.verifier, given.vkey, mailboxes)
    asyncio.run(serve(Door(terms, Used(given.used), given.maildir), host, int(port)))


if __name__ == "__main__":
    main()

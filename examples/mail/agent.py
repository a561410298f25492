"""An agent that writes e-mail in three steps: it asks the ledger, sends with the receipt, reports what it did.

usage: agent.py --socket SOCKET --credential FILE --run ID --from ADDRESS --to ADDRESS=CONTACT --subject … --body …

Prints what came of it as one JSON object. Exit code: 0 delivered, 1 not delivered, 3 no answer: from the ledger
before the act, and nothing was sent; later, and the ledger lists the act as unresolved.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import smtplib
import sys
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime
from typing import Any

import grpc
from ledger.v1 import common_pb2, gate_pb2, recorder_pb2

from carrier import Carried, attach
from client import Ledger, tlog_proof

SMTP_PATIENCE_S = 60


@dataclass(frozen=True)
class Letter:
    """What the agent wants to send. People are addresses, each with the CRM's id of the contact."""

    run: str
    """Names this one act: the correlation id, and the root of the request ids."""
    mailbox: str
    seller: str
    sender: str
    subject: str
    body: str
    to: dict[str, str]
    cc: dict[str, str] = field(default_factory=dict)

    def render(self) -> bytes:
        """The message, exactly as it is to arrive."""
        message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
        message["From"] = self.sender
        message["To"] = ", ".join(self.to)
        if self.cc:
            message["Cc"] = ", ".join(self.cc)
        message["Subject"] = self.subject
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = f"<{self.run}@{self.sender.partition('@')[2]}>"
        message.set_content(self.body)
        return message.as_bytes()

    def request(self, message: bytes) -> gate_pb2.DecideRequest:
        """What is asked: everybody whom it reaches, and the message's hash."""
        params = {"from": self.sender, "subject": self.subject, "message_sha256": hashlib.sha256(message).hexdigest()}
        return gate_pb2.DecideRequest(
            request_id=f"{self.run}.ask",
            correlation_id=self.run,
            action="email.send",
            tool="smtp.send",
            seller=self.seller,
            mailbox=self.mailbox,
            recipients=[
                *people(gate_pb2.RECIPIENT_ROLE_TO, self.to),
                *people(gate_pb2.RECIPIENT_ROLE_CC, self.cc),
            ],
            details=[common_pb2.Detail(name=common_pb2.DETAIL_NAME_PARAMS, value=json.dumps(params).encode())],
        )


def send(ledger: Ledger, letter: Letter, smtp: str) -> dict[str, Any]:
    """The three steps. Where one gets no answer it raises, and the next is not taken."""
    message = letter.render()

    # 1. Decide. Whatever is not an allow ends here, with a receipt of the refusal in the log; so does an allow
    # that a stop has voided meanwhile.
    decided = ledger.decide(letter.request(message))
    seq = decided.receipt.seq
    told = {"run": letter.run, "decision": seq, "outcome": common_pb2.Outcome.Name(decided.outcome)}
    if decided.outcome != common_pb2.OUTCOME_ALLOW or not decided.usable:
        return told | {"delivered": None, "reasons": [reason.code for reason in decided.reasons]}

    # 2. Act, with the receipt, and with what opens the decision's commitments.
    details = {name: ledger.salted_detail(seq, name) for name in ("recipients", "params")}
    carried = attach(Carried(message, tlog_proof(decided.receipt), details))
    started_ns = time.time_ns()
    code, answer = submit(smtp, letter.sender, [*letter.to, *letter.cc], carried)

    # 3. Record, with the id under which the provider knows it.
    queued = re.search(r"queued as (\w+)", answer) if code == 250 else None
    execution = recorder_pb2.Execution(decision=seq, provider="smtp")
    execution.started_at.FromNanoseconds(started_ns)
    if queued:
        execution.status = recorder_pb2.EXECUTION_STATUS_SUCCESS
        execution.provider_id = queued[1]
    else:
        execution.status = recorder_pb2.EXECUTION_STATUS_FAILURE
        execution.error_code = f"smtp.{code}"
    recorded = ledger.record(
        recorder_pb2.RecordRequest(request_id=f"{letter.run}.report", correlation_id=letter.run, execution=execution)
    )
    return told | {
        "delivered": queued[1] if queued else None,
        "smtp": f"{code} {answer}",
        "execution": recorded.receipt.seq,
        "findings": list(recorded.findings),
    }


def people(role: gate_pb2.RecipientRole, contacts: dict[str, str]) -> list[gate_pb2.Recipient]:
    """Recipients under every key that the agent knows them by, so that a listing under any of them is found."""
    return [
        gate_pb2.Recipient(role=role, identifiers=common_pb2.Identifiers(email=address, contact_id=contact))
        for address, contact in contacts.items()
    ]


def submit(smtp: str, sender: str, recipients: list[str], message: bytes) -> tuple[int, str]:
    """Hands a message in, and says what the server answered: the last word, or the first that is a refusal."""
    host, _, port = smtp.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=SMTP_PATIENCE_S) as session:
        session.ehlo()
        answer = session.mail(sender)
        for recipient in recipients:
            answer = session.rcpt(recipient) if answer[0] == 250 else answer
        if answer[0] == 250:
            answer = session.data(message)
        return answer[0], answer[1].decode("utf-8", "replace")


def contact(text: str) -> tuple[str, str]:
    """`ADDRESS=CONTACT`."""
    address, _, identifier = text.partition("=")
    return address, identifier


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Sends one e-mail, if the ledger allows it.")
    parser.add_argument("--socket", required=True, help="the ledger's")
    parser.add_argument("--credential", required=True, metavar="FILE", help="the agent's")
    parser.add_argument("--smtp", default="127.0.0.1:2525", metavar="HOST:PORT")
    parser.add_argument("--run", required=True, metavar="ID", help="names this one act, and nobody")
    parser.add_argument("--mailbox", default="outreach-1")
    parser.add_argument("--seller", default="acme")
    parser.add_argument("--from", dest="sender", required=True, metavar="ADDRESS")
    parser.add_argument("--to", action="append", type=contact, required=True, metavar="ADDRESS=CONTACT")
    parser.add_argument("--cc", action="append", type=contact, default=[], metavar="ADDRESS=CONTACT")
    parser.add_argument("--subject", required=True)
    parser.add_argument("--body", required=True)
    given = vars(parser.parse_args())
    ledger, smtp = Ledger(given.pop("socket"), given.pop("credential")), given.pop("smtp")
    try:
        told = send(ledger, Letter(**given | {"to": dict(given["to"]), "cc": dict(given["cc"])}), smtp)
    except grpc.RpcError as error:
        print(f"the ledger: {error.code().name}: {error.details()}", file=sys.stderr)
        return 3
    except (OSError, smtplib.SMTPException) as error:
        print(f"the mail server: {error}", file=sys.stderr)
        return 3
    print(json.dumps(told))
    return 0 if told["delivered"] else 1


if __name__ == "__main__":
    sys.exit(main())

"""Agents that break the rule, each in its own way. The mail server is to deliver nothing of what they try.

usage: rogues.py --socket SOCKET --credential FILE --from ADDRESS [--smtp HOST:PORT] [--keep FILE] WAY…

Prints for each way what the server answered, one JSON object a line. `reuse` and `race` send an allowed
message once, too, which is delivered.
"""

from __future__ import annotations

import argparse
import base64
import concurrent.futures
import inspect
import json
import pathlib
import time
from dataclasses import dataclass, replace

import grpc
from ledger.v1 import gate_pb2

from agent import Letter, submit
from carrier import Carried, attach
from client import Ledger, tlog_proof

RACERS = 4


@dataclass(frozen=True)
class Asked:
    """A message, what the ledger said about it, and all that travels with it."""

    letter: Letter
    reply: gate_pb2.DecideReply
    carried: Carried


class Rogues:
    """Each method that takes nothing is one way. All return what the server answered."""

    def __init__(self, ledger: Ledger, smtp: str, sender: str, keep: pathlib.Path) -> None:
        self._ledger = ledger
        self._smtp = smtp
        self._sender = sender
        self._keep = keep

    def skip(self) -> list[str]:
        """Never asks."""
        letter = self._letter("skip", {"skip@victim.example": "v-1"})
        return [self._submit(letter, Carried(letter.render()))]

    def denied(self) -> list[str]:
        """Sends with the receipt of a denial: somebody who must not be contacted."""
        asked = self._ask(self._letter("denied", {"ben@buyer.example": "c-2"}))
        return [self._submit(asked.letter, asked.carried)]

    def forge(self) -> list[str]:
        """Writes `allow` into a denial."""
        asked = self._ask(self._letter("forge", {"ben@buyer.example": "c-2"}))
        entry = asked.reply.receipt.entry
        better = entry.replace(b'"outcome":"deny"', b'"outcome":"allow"')
        receipt = tlog_proof(asked.reply.receipt).replace(base64.b64encode(entry), base64.b64encode(better))
        return [self._submit(asked.letter, replace(asked.carried, receipt=receipt))]

    def reuse(self) -> list[str]:
        """Sends twice with one receipt, and keeps the message for later."""
        asked = self._ask(self._letter("reuse", {"reuse@victim.example": "v-2"}))
        self._keep.write_bytes(attach(asked.carried))
        return [self._submit(asked.letter, asked.carried) for _ in range(2)]

    def replay(self) -> list[str]:
        """Sends what `reuse` kept once more."""
        code, answer = submit(self._smtp, self._sender, ["reuse@victim.example"], self._keep.read_bytes())
        return [f"{code} {answer}"]

    def race(self) -> list[str]:
        """Sends with one receipt over several connections at once."""
        asked = self._ask(self._letter("race", {"race@victim.example": "v-3"}))
        with concurrent.futures.ThreadPoolExecutor(RACERS) as racers:
            return list(racers.map(lambda _: self._submit(asked.letter, asked.carried), range(RACERS)))

    def swap(self) -> list[str]:
        """Asks for one person and writes to another."""
        asked = self._ask(self._letter("swap", {"swap@friend.example": "f-1"}))
        return [self._submit(asked.letter, asked.carried, ["ben@buyer.example"])]

    def swap_opened(self) -> list[str]:
        """The same, and swaps the person in the opened detail, too."""
        asked = self._ask(self._letter("swap-opened", {"pal@decoy.example": "f-2"}))
        details = asked.carried.details
        swapped = details["recipients"].replace(b"pal@decoy.example", b"ben@buyer.example")
        carried = replace(asked.carried, details=details | {"recipients": swapped})
        return [self._submit(asked.letter, carried, ["ben@buyer.example"])]

    def add(self) -> list[str]:
        """Asks for one person and adds another, whom the headers do not show."""
        asked = self._ask(self._letter("add", {"add@friend.example": "f-3"}))
        return [self._submit(asked.letter, asked.carried, ["add@friend.example", "ben@buyer.example"])]

    def twice(self) -> list[str]:
        """Names one person twice."""
        asked = self._ask(self._letter("twice", {"twice@victim.example": "v-4"}))
        return [self._submit(asked.letter, asked.carried, ["twice@victim.example"] * 2)]

    def alter(self) -> list[str]:
        """Sends another text than the one decided on."""
        asked = self._ask(self._letter("alter", {"alter@victim.example": "v-5"}))
        message = asked.carried.message.replace(b"harmless", b"harmful!")
        return [self._submit(asked.letter, replace(asked.carried, message=message))]

    def vague(self) -> list[str]:
        """Commits to no message."""
        letter = self._letter("vague", {"vague@victim.example": "v-11"})
        request = letter.request(letter.render())
        request.details[0].value = b"[]"
        asked = self._ask(letter, request=request)
        return [self._submit(letter, asked.carried)]

    def show(self) -> list[str]:
        """Shows another recipient in the headers than it asked for, and commits to just that."""
        letter = self._letter("show", {"show@victim.example": "v-6"})
        message = letter.render().replace(b"To: show@victim.example", b"To: boss@victim.example")
        asked = self._ask(letter, message)
        return [self._submit(letter, asked.carried)]

    def mailbox(self) -> list[str]:
        """Asks for a mailbox that has room and sends from another."""
        asked = self._ask(replace(self._letter("mailbox", {"mailbox@victim.example": "v-7"}), mailbox="outreach-2"))
        return [self._submit(asked.letter, asked.carried)]

    def note(self) -> list[str]:
        """Sends with the receipt of an allow of something else."""
        letter = self._letter("note", {"note@victim.example": "v-8"})
        request = letter.request(letter.render())
        request.action = "crm.note.create"
        asked = self._ask(letter, request=request)
        return [self._submit(letter, asked.carried)]

    def play(self) -> list[str]:
        """Sends with the receipt of a sandbox. (To be tried with a sandbox, on a server that trusts its key.)"""
        asked = self._ask(self._letter("play", {"play@example.com": "v-10"}))
        return [self._submit(asked.letter, asked.carried)]

    def late(self) -> list[str]:
        """Waits until the allow has expired."""
        asked = self._ask(self._letter("late", {"late@victim.example": "v-9"}))
        until = asked.reply.valid_until
        time.sleep(max(0.0, until.ToNanoseconds() / 1e9 - time.time()) + 0.1)
        return [self._submit(asked.letter, asked.carried)]

    def _letter(self, run: str, to: dict[str, str]) -> Letter:
        return Letter(f"rogue-{run}", "outreach-1", "acme", self._sender, "An offer", "A harmless text.\n", to)

    def _ask(self, letter: Letter, message: bytes | None = None, request: gate_pb2.DecideRequest | None = None) -> Asked:
        message = message or letter.render()
        reply = self._ledger.decide(request or letter.request(message))
        details = {}
        for name in ("recipients", "params"):
            try:
                details[name] = self._ledger.salted_detail(reply.receipt.seq, name)
            except grpc.RpcError as error:
                # A sandbox keeps no recipients.
                if error.code() != grpc.StatusCode.NOT_FOUND:
                    raise
        return Asked(letter, reply, Carried(message, tlog_proof(reply.receipt), details))

    def _submit(self, letter: Letter, carried: Carried, recipients: list[str] | None = None) -> str:
        code, answer = submit(self._smtp, self._sender, recipients or [*letter.to, *letter.cc], attach(carried))
        return f"{code} {answer}"


def main() -> None:
    """Reads the command line."""
    ways = {name: way for name, way in inspect.getmembers(Rogues, inspect.isfunction) if not name.startswith("_")}
    described = "\n".join(f"  {name:<12} {way.__doc__}" for name, way in ways.items())
    parser = argparse.ArgumentParser(epilog=f"ways:\n{described}", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--socket", required=True, help="the ledger's")
    parser.add_argument("--credential", required=True, metavar="FILE", help="the agent's")
    parser.add_argument("--smtp", default="127.0.0.1:2525", metavar="HOST:PORT")
    parser.add_argument("--from", dest="sender", required=True, metavar="ADDRESS")
    parser.add_argument("--keep", type=pathlib.Path, default="kept.eml", metavar="FILE", help="where `reuse` keeps its message")
    parser.add_argument("ways", nargs="+", choices=ways, metavar="WAY")
    given = parser.parse_args()
    rogues = Rogues(Ledger(given.socket, given.credential), given.smtp, given.sender, given.keep)
    for way in given.ways:
        print(json.dumps({"way": way, "smtp": getattr(rogues, way)()}), flush=True)


if __name__ == "__main__":
    main()

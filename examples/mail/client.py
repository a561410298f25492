"""The ledger as a Python program calls it: three calls over the Unix socket, and the receipt as a file.

Needs the stubs that grpcio-tools generates from `proto/` on PYTHONPATH; README.md has the command.
"""

from __future__ import annotations

import base64
import pathlib

import grpc
from ledger.v1 import common_pb2, gate_pb2, gate_pb2_grpc, proofs_pb2, proofs_pb2_grpc, recorder_pb2, recorder_pb2_grpc

# An agent that gets no answer does not act, so it must not wait for ever.
PATIENCE_S = 30

DETAILS = {"params": common_pb2.DETAIL_NAME_PARAMS, "recipients": common_pb2.DETAIL_NAME_RECIPIENTS}


class Ledger:
    """One agent's calls. Every error is a `grpc.RpcError`: no answer, no act."""

    def __init__(self, socket: str, credential_file: str) -> None:
        # Python's gRPC would otherwise send the escaped path of the socket as `:authority`, which HTTP/2
        # servers refuse.
        options = [("grpc.default_authority", "localhost")]
        channel = grpc.insecure_channel(f"unix:{socket}", options=options)
        credential = pathlib.Path(credential_file).read_text(encoding="ascii").strip()
        self._bearer = [("authorization", f"Bearer {credential}")]
        self._gate = gate_pb2_grpc.GateStub(channel)
        self._proofs = proofs_pb2_grpc.ProofsStub(channel)
        self._recorder = recorder_pb2_grpc.RecorderStub(channel)

    def decide(self, request: gate_pb2.DecideRequest) -> gate_pb2.DecideReply:
        """Asks before acting."""
        return self._gate.Decide(request, metadata=self._bearer, timeout=PATIENCE_S)

    def record(self, request: recorder_pb2.RecordRequest) -> recorder_pb2.RecordReply:
        """Reports after acting."""
        return self._recorder.Record(request, metadata=self._bearer, timeout=PATIENCE_S)

    def salted_detail(self, seq: int, name: str) -> bytes:
        """What the entry's commitment to this detail is the SHA-256 of: 32 bytes of salt, then the detail.

        An agent may read the details of its own entries. The read is itself an entry.
        """
        request = proofs_pb2.GetDetailRequest(seq=seq, name=DETAILS[name])
        reply = self._proofs.GetDetail(request, metadata=self._bearer, timeout=PATIENCE_S)
        return bytes(reply.salt + reply.value)


def tlog_proof(receipt: common_pb2.Receipt) -> bytes:
    """A receipt as the file that `ledger-verify receipt` reads (C2SP tlog-proof)."""
    lines = ["c2sp.org/tlog-proof@v1", "extra " + base64.b64encode(receipt.entry).decode(), f"index {receipt.seq}"]
    hashes = [receipt.proof[at : at + 32] for at in range(0, len(receipt.proof), 32)]
    lines += [base64.b64encode(digest).decode() for digest in hashes]
    return ("\n".join(lines) + "\n\n").encode() + bytes(receipt.checkpoint)

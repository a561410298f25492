"""A Python agent: asks, acts and reports over the ledger's Unix socket, with stubs made from proto/.

usage: client.py PROTO_DIR STUBS_DIR SOCKET CREDENTIAL_FILE OUT_DIR

Generates the stubs from the .proto files into STUBS_DIR, then decides, records, asks for the receipt
again, retries, decides in a stream, and is refused twice: once by the list, once for want of a credential. Writes each reply's
receipt into OUT_DIR as a C2SP tlog-proof, put together here and by nothing of the ledger's, and prints
what it was told as one JSON object.

`grpc.default_authority` is set because Python's gRPC otherwise sends the escaped path of the socket as
`:authority`, which HTTP/2 servers refuse.
"""

import base64
import json
import pathlib
import sys
import time

import grpc
import grpc_tools
from grpc_tools import protoc


def generate(proto, stubs):
    files = [str(path.relative_to(proto)) for path in sorted(pathlib.Path(proto).rglob("*.proto"))]
    bundled = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    code = protoc.main(["protoc", f"-I{proto}", f"-I{bundled}", f"--python_out={stubs}", f"--grpc_python_out={stubs}", *files])
    assert code == 0, f"protoc ended with {code}"
    sys.path.insert(0, stubs)


def tlog_proof(receipt):
    lines = ["c2sp.org/tlog-proof@v1", "extra " + base64.b64encode(receipt.entry).decode(), f"index {receipt.seq}"]
    hashes = [receipt.proof[at:at + 32] for at in range(0, len(receipt.proof), 32)]
    lines += [base64.b64encode(digest).decode() for digest in hashes]
    return ("\n".join(lines) + "\n\n").encode() + receipt.checkpoint


def grpc_status(number):
    return next(code.name for code in grpc.StatusCode if code.value[0] == number)


def main(proto, stubs, socket, credential_file, out):
    generate(proto, stubs)
    from ledger.v1 import common_pb2, gate_pb2, gate_pb2_grpc, proofs_pb2, proofs_pb2_grpc, recorder_pb2, recorder_pb2_grpc

    bearer = [("authorization", "Bearer " + pathlib.Path(credential_file).read_text().strip())]
    told = {}

    def keep(name, receipt):
        (pathlib.Path(out) / f"{name}.tlog-proof").write_bytes(tlog_proof(receipt))
        told[name] = receipt.seq

    def email(request_id, address, contact_id):
        person = common_pb2.Identifiers(email=address, contact_id=contact_id)
        to = gate_pb2.Recipient(role=gate_pb2.RECIPIENT_ROLE_TO, identifiers=person)
        params = common_pb2.Detail(name=common_pb2.DETAIL_NAME_PARAMS, value=json.dumps({"subject": "Grüße"}).encode())
        return gate_pb2.DecideRequest(
            request_id=request_id, correlation_id="python-1", action="email.send", seller="acme",
            mailbox="outreach-1", recipients=[to], details=[params])

    options = [("grpc.default_authority", "localhost")]
    with grpc.insecure_channel(f"unix:{socket}", options=options) as channel:
        gate = gate_pb2_grpc.GateStub(channel)
        recorder = recorder_pb2_grpc.RecorderStub(channel)
        proofs = proofs_pb2_grpc.ProofsStub(channel)
        call = {"metadata": bearer, "timeout": 30}

        request = email("ask-1", "ana@buyer.example", "c-1")
        allowed = gate.Decide(request, **call)
        told["allowed"] = common_pb2.Outcome.Name(allowed.outcome)
        keep("allow", allowed.receipt)

        execution = recorder_pb2.Execution(
            decision=allowed.receipt.seq, status=recorder_pb2.EXECUTION_STATUS_SUCCESS, provider="smtp", provider_id="<1@smtp>")
        execution.started_at.FromNanoseconds(time.time_ns())
        reported = recorder.Record(
            recorder_pb2.RecordRequest(request_id="report-1", correlation_id="python-1", execution=execution), **call)
        told["findings"] = list(reported.findings)
        keep("execution", reported.receipt)

        again = gate.Decide(request, **call)
        told["repeated"] = again.repeated and again.receipt.entry == allowed.receipt.entry

        name = proofs_pb2.RequestName(call="Record", request_id="report-1")
        later = proofs.GetReceipt(proofs_pb2.GetReceiptRequest(request=name), **call)
        told["same entry"] = later.receipt.entry == reported.receipt.entry
        keep("receipt", later.receipt)

        # Many at once: a generator asks, and answers are matched by number, in whatever order they come.
        def messages():
            yield gate_pb2.DecideStreamRequest(number=1, request=email("stream-1", "dee@buyer.example", "c-4"))
            yield gate_pb2.DecideStreamRequest(number=2, request=gate_pb2.DecideRequest(request_id="bad", action="email.send"))
            yield gate_pb2.DecideStreamRequest(number=3, request=email("stream-2", "ben@buyer.example", "c-2"))
            yield gate_pb2.DecideStreamRequest(number=4, request=request)

        answers = {answer.number: answer for answer in gate.DecideStream(messages(), **call)}
        told["stream"] = [answers[number].WhichOneof("answer") for number in sorted(answers)]
        told["stream outcomes"] = [common_pb2.Outcome.Name(answers[number].reply.outcome) for number in (1, 3, 4)]
        told["stream repeated"] = [answers[number].reply.repeated for number in (1, 3, 4)]
        told["stream error"] = grpc_status(answers[2].error.code)
        keep("streamed", answers[1].reply.receipt)

        denied = gate.Decide(email("ask-2", "ben@buyer.example", "c-2"), **call)
        told["denied"] = common_pb2.Outcome.Name(denied.outcome)
        told["codes"] = [reason.code for reason in denied.reasons]
        keep("denial", denied.receipt)

        try:
            gate.Decide(email("ask-3", "cy@buyer.example", "c-3"), timeout=30)
            told["without a credential"] = "OK"
        except grpc.RpcError as error:
            told["without a credential"] = error.code().name
        try:
            gate.Decide(gate_pb2.DecideRequest(request_id="ask-4", action="email.send"), **call)
            told["without a correlation id"] = "OK"
        except grpc.RpcError as error:
            told["without a correlation id"] = error.code().name
    print(json.dumps(told))


main(*sys.argv[1:])

#!/usr/bin/env python3
"""The same entitlement, where `protocol = "grpc"` leads to it: `Decide` by gRPC, the other operations over HTTP.

    python3 grpc_service.py --key data/secrets/cx-signing --file crm.db --port 9000

Besides Python 3.11 it needs `grpcio` and `grpcio-tools`, which makes stubs of the contract's frozen .proto file. A server of
grpcio has its port for itself; so what comes to the port of the address is brought to it, or to HTTP, by how it begins
(RFC 9113, section 3.4). A proxy such as nginx does the same in production, and TLS.
"""

import concurrent.futures
import json
import pathlib
import socket
import sys
import threading
import traceback
import uuid

import grpc
from google.protobuf import json_format

import operations
import service
from problems import Problem

CONTRACT = pathlib.Path(__file__).resolve().parents[2] / "contracts" / "entitlement" / "v1"
sys.path.append(str(CONTRACT))
messages, services = grpc.protos_and_services("entitlement.proto")

PREFACE = b"PRI * HTTP/2.0"
CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT, 401: grpc.StatusCode.UNAUTHENTICATED, 403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND, 409: grpc.StatusCode.ABORTED, 413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE, 504: grpc.StatusCode.DEADLINE_EXCEEDED,
}


class Entitlement(services.EntitlementServiceServicer):
    """`Decide`, on the store and keys of the HTTP service, which has it no more."""

    def __init__(self, keys, store):
        self.keys, self.store = keys, store

    def Decide(self, request, context):
        request_id = f"req_{uuid.uuid4().hex}"
        try:
            caller = self.keys.context(dict(context.invocation_metadata()).get("tessera-cx"))
            request_id = caller.request_id
            caller.allow(service=True, scope=service.READ)
            if not context.is_active():
                raise Problem(504, "deadline_exceeded", "the caller waits no longer")
            return message(operations.decide_now(self.store, caller, fields(request)))
        except Problem as problem:
            self.refuse(context, problem, request_id)
        except Exception:
            traceback.print_exc()
            self.refuse(context, Problem(500, "internal", "a fault of ours; the log has the request id"), request_id)

    @staticmethod
    def refuse(context, problem, request_id):
        body = json.dumps(problem.body(request_id)).encode()
        context.set_trailing_metadata([("tessera-problem-bin", body), ("x-request-id", request_id)])
        context.abort(CODES.get(problem.status, grpc.StatusCode.INTERNAL), problem.detail)


def fields(request):
    """A question as it is over HTTP."""
    asked = json_format.MessageToDict(
        request, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    if "territories" in asked.get("facts", {}):
        asked["facts"]["territories"] = asked["facts"]["territories"]["values"]
    return asked


def message(decision):
    """A decision as a message. A reason that the .proto does not have is read as 0 by whoever asks."""
    answer = messages.Decision(
        allowed=decision["allowed"], message=decision["message"], max_streams=decision["max_streams"],
        reason=f"DECISION_REASON_{decision['reason'].upper()}")
    if "grant_id" in decision:
        answer.grant_id = decision["grant_id"]
    if "holds_until" in decision:
        answer.holds_until.FromJsonString(decision["holds_until"])
    return answer


def part(listener, to_grpc, to_http):
    """Brings each connection to one port or the other."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=bring, args=(connection, to_grpc, to_http), daemon=True).start()


def bring(connection, to_grpc, to_http):
    try:
        connection.settimeout(30)
        begins = connection.recv(len(PREFACE), socket.MSG_PEEK | socket.MSG_WAITALL)
        connection.settimeout(None)
        there = socket.create_connection(("127.0.0.1", to_grpc if begins == PREFACE else to_http))
    except OSError:
        connection.close()
        return
    for end in (connection, there):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=carry, args=(there, connection), daemon=True).start()
    carry(connection, there)


def carry(source, to):
    try:
        while piece := source.recv(65536):
            to.sendall(piece)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, to):
            end.close()


def main():
    given = service.arguments().parse_args()
    service.ROUTES[:] = [route for route in service.ROUTES if route[3] is not operations.decide_now]
    http = service.Server(("127.0.0.1", 0), service.Handler)
    http.keys, http.store = service.Keys(given.key.read_text()), service.Crm(given.file)
    by_grpc = grpc.server(concurrent.futures.ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
    services.add_EntitlementServiceServicer_to_server(Entitlement(http.keys, http.store), by_grpc)
    grpc_port = by_grpc.add_insecure_port("127.0.0.1:0")
    by_grpc.start()
    listener = socket.create_server((given.host, given.port), backlog=512)
    to = (listener, grpc_port, http.server_address[1])
    threading.Thread(target=part, args=to, daemon=True).start()
    print(f"entitlement at http://{given.host}:{listener.getsockname()[1]}", file=sys.stderr, flush=True)
    http.serve_forever()


if __name__ == "__main__":
    main()

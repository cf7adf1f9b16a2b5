#!/usr/bin/env python3
"""An operator's CRM as Tessera's entitlement: who may watch what is decided by its own file of contracts.

    python3 service.py --key data/secrets/cx-signing --file crm.db --port 9000

Python 3.11 and nothing else. It answers Tessera's modules alone, by their signed contexts; it listens on loopback unless
told otherwise, and belongs behind TLS when the network between is not trusted.
"""

import argparse
import http.server
import json
import pathlib
import re
import sys
import traceback
import urllib.parse
import uuid

import operations
from context import Keys
from crm import Crm
from problems import Problem, invalid

LARGEST_BODY = 64 * 1024
WRITE, READ = "entitlement:write", "entitlement:read"

# Method, path, the scope by which staff may call (None: modules alone), the operation, and the status of its success.
ROUTES = [
    ("PUT", r"/v1/grants/(?P<source>[^/]+)/(?P<reference>[^/]+)", WRITE, operations.put_grant, 200),
    ("POST", r"/v1/grants/(?P<source>[^/]+)/(?P<reference>[^/]+)/revoke", WRITE, operations.revoke_grant, 200),
    ("GET", r"/v1/grants", READ, operations.list_grants, 200),
    ("POST", r"/v1/decisions", READ, operations.decide_now, 200),
    ("POST", r"/v1/leases", None, operations.acquire_lease, 201),
    ("POST", r"/v1/leases/(?P<session_id>[^/]+)/renew", None, operations.renew_lease, 200),
    ("DELETE", r"/v1/leases/(?P<session_id>[^/]+)", None, operations.release_lease, 200),
]


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 30  # of a connection that says nothing
    disable_nagle_algorithm = True

    def answer(self):
        self.request_id, status, etag = f"req_{uuid.uuid4().hex}", 500, None
        try:
            status, body = self.carried_out(self.body())
            kind, etag = "application/json", body.get("version")
        except Problem as problem:
            status, body, kind = problem.status, problem.body(self.request_id), "application/problem+json"
        except Exception:
            traceback.print_exc()
            body = Problem(500, "internal", "a fault of ours; the log has the request id").body(self.request_id)
            kind = "application/problem+json"
        sent = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(sent)))
        self.send_header("x-request-id", self.request_id)
        if etag is not None:
            self.send_header("ETag", f'"{etag}"')
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_PUT = do_POST = do_DELETE = answer

    def body(self):
        """The whole body, read before anything is answered: the connection goes on."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise Problem(413, "payload_too_large", f"a body has a Content-Length of at most {LARGEST_BODY}")
        return self.rfile.read(int(length))

    def carried_out(self, sent):
        """Finds the operation, lets its callers in, and carries it out: who may not call learns nothing more."""
        url = urllib.parse.urlsplit(self.path)
        matches = [(route, re.fullmatch(route[1], url.path)) for route in ROUTES]
        fitting = [(route, match) for route, match in matches if match]
        if not fitting:
            raise Problem(404, "not_found", "there is nothing at this path")
        chosen = [(route, match) for route, match in fitting if route[0] == self.command]
        if not chosen:
            raise Problem(405, "method_not_allowed", f"{self.command} is not for this path")
        (_, _, scope, operation, status), match = chosen[0]
        context = self.server.keys.context(self.headers.get("tessera-cx"))
        self.request_id = context.request_id
        context.allow(service=True, scope=scope)
        fields = self.fields(sent, url.query)
        fields |= {name: urllib.parse.unquote(value) for name, value in match.groupdict().items()}
        return status, operation(self.server.store, context, fields)

    def fields(self, sent, query):
        if self.command in ("GET", "DELETE"):
            fields = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
            if "limit" in fields:
                fields["limit"] = int(fields["limit"]) if re.fullmatch(r"[0-9]{1,9}", fields["limit"]) else 0
            return fields
        if sent and self.headers.get_content_type() != "application/json":
            raise Problem(415, "unsupported_media_type", "send the body as application/json")
        try:
            fields = json.loads(sent or b"{}")
        except (ValueError, RecursionError):
            raise invalid("body", "the body is not JSON") from None
        if not isinstance(fields, dict):
            raise invalid("body", "the body is an object")
        return fields

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


def arguments():
    """What the command line says."""
    known = argparse.ArgumentParser(description="An operator's CRM as Tessera's entitlement.")
    known.add_argument("--key", type=pathlib.Path, required=True, help="the deployment's secrets/cx-signing")
    known.add_argument("--file", default="crm.db", help="where contracts are kept")
    known.add_argument("--host", default="127.0.0.1")
    known.add_argument("--port", type=int, default=9000, help="0: any that is free")
    return known


def main():
    given = arguments().parse_args()
    server = Server((given.host, given.port), Handler)
    server.keys, server.store = Keys(given.key.read_text()), Crm(given.file)
    print(f"entitlement at http://{given.host}:{server.server_address[1]}", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

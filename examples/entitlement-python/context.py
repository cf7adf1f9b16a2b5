"""Who calls: the signed context that Tessera's modules send, and what it may do.

A context is a JWT (RFC 7519, HS256) in the header `tessera-cx`, signed with the deployment's secret, for one contract, for
30 seconds. Nothing else says who calls; docs/conformance.md has its claims.
"""

import base64
import hashlib
import hmac
import json
import time

from problems import Problem

AUDIENCE = "entitlement"


class Context:
    """A caller, and the tenant's time."""

    def __init__(self, claims):
        self.tenant = claims["tenant"]
        self.caller = claims["caller"]
        self.request_id = claims["request_id"]
        self.business_now = int(claims["business_now"])  # microseconds since 1970

    def allow(self, service, scope=None):
        """Lets a module in, and staff with the scope where there is one. Raises 401 or 403."""
        kind = self.caller["kind"]
        if service and kind == "service":
            return
        if scope and kind == "staff" and {scope, "*"} & set(self.caller["scopes"]):
            return
        if kind == "anonymous":
            raise Problem(401, "unauthenticated", "this is for another module: send a signed context")
        raise Problem(403, "forbidden", "the caller may not do this")


class Keys:
    """The keys that a context may be signed with: the lines of the deployment's `secrets/cx-signing`."""

    def __init__(self, text):
        words = (line.split() for line in text.splitlines() if line.strip())
        self.keys = [bytes.fromhex(line[1] if len(line) > 1 else line[0]) for line in words]
        if not self.keys or any(len(key) != 32 for key in self.keys):
            raise ValueError("the key file holds no keys of 64 hexadecimal digits")

    def context(self, token):
        """The context in a token. Raises 401 for one that is forged, too old, or meant for another contract."""
        refused = Problem(401, "unauthenticated", "the signed context is missing, forged, too old or for another contract")
        try:
            signed, signature = (token or "").rsplit(".", 1)
            header, claims = (json.loads(_decode(part)) for part in signed.split("."))
            sent = _decode(signature)
        except (ValueError, RecursionError):
            raise refused from None
        digests = (hmac.new(key, signed.encode(), hashlib.sha256).digest() for key in self.keys)
        # `any` over a list: every key is tried, so that time tells nothing.
        if header.get("alg") != "HS256" or not any([hmac.compare_digest(sent, digest) for digest in digests]):
            raise refused
        if claims.get("aud") != AUDIENCE or claims.get("exp", 0) < time.time():
            raise refused
        return Context(claims)


def _decode(text):
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)

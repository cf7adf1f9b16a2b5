"""A foreign gRPC client at Tessera's port: `grpcio` with stubs of the frozen .proto files.

    client.py FACTS    where FACTS is a JSON file: port, project, cx_key, staff_key, account, free_title, title

It ends with 0 when everything is as docs/replacing.md says, and names what is not.
"""

import base64
import hashlib
import hmac
import json
import sys
import time

import grpc

FACTS = json.load(open(sys.argv[1]))
for contract in ("entitlement", "playback"):
    sys.path.insert(0, f"{FACTS['project']}/contracts/{contract}/v1")
entitlement, entitlement_services = grpc.protos_and_services("entitlement.proto")
playback, playback_services = grpc.protos_and_services("playback.proto")

HOST = f"demo.localhost:{FACTS['port']}"
PATIENCE = 20  # seconds that a call may take


def channel(*options):
    return grpc.insecure_channel(f"127.0.0.1:{FACTS['port']}", [("grpc.default_authority", HOST), *options])


def signed(contract, caller, **more):
    """The metadata of a module's call: a context, signed with the deployment's key."""
    claims = {
        "aud": contract, "exp": int(time.time()) + 30, "tenant": "demo", "caller": caller, "request_id": "req_foreign",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "remaining_ms": 10_000,
        "business_now": time.time_ns() // 1000, "territory": "DE",
    } | more
    text = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    signature = hmac.new(bytes.fromhex(FACTS["cx_key"]), text.encode(), hashlib.sha256).digest()
    return (("tessera-cx", f"{text}.{encoded(signature)}"), ("x-request-id", claims["request_id"]))


def encoded(part):
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def refused(call, code, status, name):
    """Expects a refusal: its grpc-status, and the problem in its trailer. Gives the problem."""
    try:
        answer = call()
    except grpc.RpcError as error:
        problem = dict(error.trailing_metadata() or ()).get("tessera-problem-bin")
        assert error.code() == code, f"{name}: expected {code}, got {error.code()} {error.details()!r}"
        if status is None:
            return None
        problem = json.loads(problem)
        assert (problem["status"], problem["code"]) == (status, name), problem
        assert problem["detail"].startswith(error.details()[:100]), (problem, error.details())
        told = {value for key, value in error.trailing_metadata() if key == "x-request-id"}
        assert told == {problem["request_id"]}, (told, problem)
        return problem
    raise AssertionError(f"{name}: expected {code}, got {answer}")


def question(**facts):
    facts = {"title_id": "ttl_any", "plans": ["basic"]} | facts
    viewing = entitlement.Viewing(account_id="acc_nobody", age_limit=16)
    return entitlement.DecisionRequest(viewing=viewing, facts=entitlement.PlayFacts(**facts))


def decisions():
    """An API key and a host, as an operator's own programs call."""
    stub = entitlement_services.EntitlementServiceStub(channel())
    staff = (("authorization", f"Bearer {FACTS['staff_key']}"),)
    denied = stub.Decide(question(), metadata=staff, timeout=PATIENCE)
    assert not denied.allowed and denied.reason == entitlement.DECISION_REASON_NOT_ENTITLED, denied
    assert denied.message and not denied.HasField("grant_id") and not denied.HasField("holds_until"), denied
    free = question(free=True)
    free.facts.available_until.FromSeconds(4_000_000_000)
    allowed = stub.Decide(free, metadata=staff, timeout=PATIENCE)
    assert allowed.allowed and allowed.reason == entitlement.DECISION_REASON_FREE, allowed
    assert allowed.holds_until.seconds == 4_000_000_000 and allowed.max_streams > 0, allowed
    nowhere = question(free=True, territories=entitlement.StringList())
    assert stub.Decide(nowhere, metadata=staff, timeout=PATIENCE).reason == entitlement.DECISION_REASON_TERRITORY_BLOCKED

    unauthenticated = grpc.StatusCode.UNAUTHENTICATED
    refused(lambda: stub.Decide(question(), timeout=PATIENCE), unauthenticated, 401, "unauthenticated")
    wrong = (("authorization", "Bearer sk_test_none"),)
    refused(lambda: stub.Decide(question(), metadata=wrong, timeout=PATIENCE), unauthenticated, 401, "unauthenticated")
    empty = entitlement.DecisionRequest()
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    problem = refused(lambda: stub.Decide(empty, metadata=staff, timeout=PATIENCE), invalid, 400, "invalid_request")
    assert "viewing" in problem["detail"], problem
    large = question(plans=["x" * 1000] * 4000)
    exhausted = grpc.StatusCode.RESOURCE_EXHAUSTED
    refused(lambda: stub.Decide(large, metadata=staff, timeout=PATIENCE), exhausted, 413, "payload_too_large")
    # grpcio leaves a message as it is that would not become smaller.
    packed, long = grpc.Compression.Gzip, question(plans=["x" * 1000] * 20)
    problem = refused(lambda: stub.Decide(long, metadata=staff, timeout=PATIENCE, compression=packed), invalid, 400,
                      "invalid_request")
    assert "compressed" in problem["detail"], problem
    again = stub.Decide(question(), metadata=staff, timeout=PATIENCE)
    assert not again.allowed, "a connection goes on after refusals"


def modules():
    """A signed context, as a module calls."""
    with channel() as at:
        stub = entitlement_services.EntitlementServiceStub(at)
        service = {"kind": "service", "name": "playback"}
        answer, call = stub.Decide.with_call(question(), metadata=signed("entitlement", service), timeout=PATIENCE)
        assert not answer.allowed and call.code() == grpc.StatusCode.OK, (answer, call)
        unauthenticated = grpc.StatusCode.UNAUTHENTICATED
        for bad in (signed("billing", service), signed("entitlement", service, exp=int(time.time()) - 60)):
            refused(lambda: stub.Decide(question(), metadata=bad, timeout=PATIENCE), unauthenticated, 401, "unauthenticated")
        viewer = signed("entitlement", {"kind": "viewer", "account": FACTS["account"]})
        forbidden = grpc.StatusCode.PERMISSION_DENIED
        refused(lambda: stub.Decide(question(), metadata=viewer, timeout=PATIENCE), forbidden, 403, "forbidden")
        # The caller's patience holds here too.
        late = signed("entitlement", service, remaining_ms=0)
        exceeded = grpc.StatusCode.DEADLINE_EXCEEDED
        refused(lambda: stub.Decide(question(), metadata=late, timeout=PATIENCE), exceeded, 504, "deadline_exceeded")
        unknown = at.unary_unary("/tessera.entitlement.v1.EntitlementService/AcquireLease")
        refused(lambda: unknown(b"", metadata=signed("entitlement", service), timeout=PATIENCE),
                grpc.StatusCode.UNIMPLEMENTED, None, "what does not travel by gRPC")


def plays():
    """A press of play, and the same press again."""
    with channel() as at:
        stub = playback_services.PlaybackServiceStub(at)
        viewer = {"kind": "viewer", "account": FACTS["account"]}

        def start(title, key, **more):
            request = playback.StartPlayback(title_id=title, device_id="foreign", **more)
            metadata = signed("playback", viewer, **({"idempotency_key": key} if key else {}))
            return stub.Start(request, metadata=metadata, timeout=PATIENCE)

        first = start(FACTS["free_title"], "one", device_name="grpcio")
        assert first.session_id and first.sources[0].hls_url and first.lease_expires_at.seconds > time.time(), first
        assert first.licence.token and first.licence.servers[0].url, first
        assert start(FACTS["free_title"], "one", device_name="grpcio").session_id == first.session_id, "one key, one session"
        denied = grpc.StatusCode.PERMISSION_DENIED
        refused(lambda: start(FACTS["title"], "two"), denied, 403, "not_entitled")
        refused(lambda: start("ttl_none", "three"), grpc.StatusCode.NOT_FOUND, 404, "title_not_found")
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        refused(lambda: start(FACTS["free_title"], None), invalid, 400, "idempotency_key_required")


def keep_alive():
    """Many calls on one connection, with pings between and beside them."""
    options = (("grpc.keepalive_time_ms", 50), ("grpc.keepalive_timeout_ms", 5000),
               ("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.max_pings_without_data", 0))
    with channel(*options) as at:
        stub = entitlement_services.EntitlementServiceStub(at)
        states = []
        at.subscribe(states.append, try_to_connect=True)
        service = {"kind": "service", "name": "playback"}
        for _ in range(10):
            calls = [stub.Decide.future(question(), metadata=signed("entitlement", service), timeout=PATIENCE)
                     for _ in range(30)]
            assert not any(call.result().allowed for call in calls)
        lost = [state for state in states if state in (grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN)]
        assert not lost, states


for check in (decisions, modules, plays, keep_alive):
    check()
    print(f"{check.__name__}: as it should be", flush=True)

"""The contract's seven operations, each a function of the store, the caller's context and the request's fields."""

import base64
import time

import crm
from decision import decide, question
from fields import NAME, identifier, instant, number, optional, part, shown, text
from problems import Problem, invalid

LEASE_SECONDS = 60
LARGEST = 2**63 - 1


def put_grant(store, context, body):
    stated = statement(body)
    with store.writing() as db:
        stored = crm.contract(db, context.tenant, stated["source"], stated["reference"])
        if stored and stated["version"] <= stored["version"]:
            return grant(stored)
        stated["grant_id"] = stored["grant_id"] if stored else crm.new_id()
        crm.keep(db, context.tenant, stated)
        return grant(stated)


def revoke_grant(store, context, body):
    source, reference = text(body, "source", 40, NAME), identifier(body, "reference")
    version = number(body, "version", -LARGEST - 1, LARGEST)
    with store.writing() as db:
        stored = crm.contract(db, context.tenant, source, reference)
        if not stored:
            raise Problem(404, "grant_not_found", f"{source} has stated no contract {reference}")
        if version > stored["version"] or (version == stored["version"] and not stored["revoked"]):
            stored |= {"revoked": True, "version": version}
            crm.keep(db, context.tenant, stored)
        return grant(stored)


def list_grants(store, context, body):
    limit = 20 if body.get("limit") is None else number(body, "limit", 1, 100)
    account = optional(body, "account_id", identifier)
    after = position(body.get("cursor"))
    with store.reading() as db:
        rows = crm.changed(db, context.tenant, account, after, limit)
    latest = rows[-1]["change"] if rows else after
    return {"data": [grant(row) for row in rows], "next_cursor": cursor(latest)}


def decide_now(store, context, body):
    asked = question(body)
    with store.reading() as db:
        return decide(asked, crm.contracts_of(db, context.tenant, asked["account"]), context.business_now)


def acquire_lease(store, context, body):
    asked = question(body)
    wanted = {"session": identifier(body, "session_id"), "device": text(body, "device_id", 128),
              "device_name": text(body, "device_name", 200), "account": asked["account"], "question": asked}
    with store.writing() as db:
        return take(db, context, wanted)


def renew_lease(store, context, body):
    session = identifier(body, "session_id")
    with store.writing() as db:
        held = crm.lease(db, context.tenant, session)
        if not held:
            raise Problem(404, "lease_not_found", "This stream has ended, or this device started another one.")
        return take(db, context, held)


def release_lease(store, context, body):
    with store.writing() as db:
        return {"released": crm.release(db, context.tenant, identifier(body, "session_id"))}


def take(db, context, wanted):
    """Decides and takes the slot, in the transaction that has read what it decides on."""
    contracts = crm.contracts_of(db, context.tenant, wanted["account"])
    decision = decide(wanted["question"], contracts, context.business_now)
    if not decision["allowed"]:
        raise Problem(403, decision["reason"], decision["message"])
    now = time.time_ns() // 1000
    others = crm.in_the_way(db, context.tenant, wanted, now)
    if len(others) >= decision["max_streams"]:
        raise Problem(409, "stream_limit_reached", f"All of your streams are in use ({', '.join(others)}).")
    until = now + LEASE_SECONDS * 1_000_000
    crm.hold(db, context.tenant, wanted, now, until)
    return {"session_id": wanted["session"], "expires_at": shown(until), "renew_after_seconds": LEASE_SECONDS // 3,
            "decision": decision}


def statement(body):
    """A grant as its source states it, checked."""
    scope = part(body, "scope")
    if scope.get("kind") == "plan":
        scope = {"kind": "plan", "plan": text(scope, "plan", 40, NAME)}
    elif scope.get("kind") == "title":
        scope = {"kind": "title", "title_id": identifier(scope, "title_id")}
    else:
        raise invalid("scope.kind", "a scope is a plan or a title")
    stated = {
        "source": text(body, "source", 40, NAME), "reference": identifier(body, "reference"),
        "account_id": identifier(body, "account_id"), "scope": scope, "starts_at": instant(body, "starts_at"),
        "ends_at": optional(body, "ends_at", instant), "max_streams": number(body, "max_streams", 1, 100),
        "revoked": False, "version": number(body, "version", -LARGEST - 1, LARGEST),
    }
    if stated["ends_at"] is not None and stated["ends_at"] < stated["starts_at"]:
        raise invalid("ends_at", "the grant ends before it starts")
    return stated


def grant(stored):
    """A grant as it travels."""
    fields = ("grant_id", "source", "reference", "account_id", "scope", "max_streams", "revoked", "version")
    answer = {field: stored[field] for field in fields} | {"starts_at": shown(stored["starts_at"])}
    return answer if stored["ends_at"] is None else answer | {"ends_at": shown(stored["ends_at"])}


def cursor(change):
    return base64.urlsafe_b64encode(f"crm:{change}".encode()).decode().rstrip("=")


def position(text):
    """The change that a cursor names; the beginning without one."""
    if text is None:
        return 0
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        name, change = decoded.split(":")
        if name != "crm" or cursor(int(change)) != text:
            raise ValueError
        return int(change)
    except ValueError:
        raise invalid("cursor", "pass next_cursor of the page before, unchanged") from None

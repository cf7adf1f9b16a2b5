"""The operator's file: contracts that were sold, and who is watching. One SQLite file, one writer at a time."""

import contextlib
import json
import sqlite3
import threading
import uuid

SCHEMA = """
create table if not exists contracts (
    change integer primary key autoincrement, tenant text not null, source text not null, reference text not null,
    grant_id text not null, account text not null, scope text not null, starts_at integer not null, ends_at integer,
    max_streams integer not null, revoked integer not null, version integer not null,
    unique (tenant, source, reference));
create index if not exists contracts_of_account on contracts (tenant, account);
create table if not exists leases (
    tenant text not null, session text not null, account text not null, device text not null, device_name text not null,
    question text not null, expires_at integer not null, primary key (tenant, session));
create index if not exists leases_of_account on leases (tenant, account);
"""
CONTRACT = "change, grant_id, source, reference, account, scope, starts_at, ends_at, max_streams, revoked, version"


class Crm:
    """All that is kept. What `writing` has done is on disk when it has ended."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.executescript("pragma journal_mode = wal; pragma synchronous = full;" + SCHEMA)
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def reading(self):
        with self.lock:
            yield self.db

    @contextlib.contextmanager
    def writing(self):
        with self.lock:
            self.db.execute("begin immediate")
            try:
                yield self.db
            except BaseException:
                self.db.execute("rollback")
                raise
            self.db.execute("commit")


def grant_of(row):
    names = ("change", "grant_id", "source", "reference", "account_id", "scope", "starts_at", "ends_at", "max_streams",
             "revoked", "version")
    grant = dict(zip(names, row))
    return grant | {"scope": json.loads(grant["scope"]), "revoked": bool(grant["revoked"])}


def contract(db, tenant, source, reference):
    query = f"select {CONTRACT} from contracts where tenant = ? and source = ? and reference = ?"
    row = db.execute(query, (tenant, source, reference)).fetchone()
    return grant_of(row) if row else None


def contracts_of(db, tenant, account):
    query = f"select {CONTRACT} from contracts where tenant = ? and account = ?"
    return [grant_of(row) for row in db.execute(query, (tenant, account))]


def changed(db, tenant, account, after, limit):
    """Contracts in the order they last changed, after a change."""
    query = f"select {CONTRACT} from contracts where tenant = ?1 and change > ?2 and (?3 is null or account = ?3)"
    rows = db.execute(query + " order by change limit ?4", (tenant, after, account, limit))
    return [grant_of(row) for row in rows]


def keep(db, tenant, grant):
    """Stores a contract as it stands now: the latest of all changes."""
    where = (tenant, grant["source"], grant["reference"])
    db.execute("delete from contracts where tenant = ? and source = ? and reference = ?", where)
    names = "tenant, source, reference, grant_id, account, scope, starts_at, ends_at, max_streams, revoked, version"
    values = where + (grant["grant_id"], grant["account_id"], json.dumps(grant["scope"]), grant["starts_at"],
                      grant["ends_at"], grant["max_streams"], grant["revoked"], grant["version"])
    db.execute(f"insert into contracts ({names}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def lease(db, tenant, session):
    row = db.execute("select account, device, device_name, question from leases where tenant = ? and session = ?",
                     (tenant, session)).fetchone()
    return row and {"session": session, "account": row[0], "device": row[1], "device_name": row[2],
                    "question": json.loads(row[3])}


def in_the_way(db, tenant, wanted, now):
    """Names of the devices that hold the account's other slots."""
    query = """select device_name from leases where tenant = ? and account = ? and session <> ? and device <> ?
               and expires_at > ? order by session"""
    rows = db.execute(query, (tenant, wanted["account"], wanted["session"], wanted["device"], now))
    return [name for name, in rows]


def hold(db, tenant, wanted, now, until):
    """Takes the slot, in place of the session's, its device's and those that ran out."""
    db.execute("""delete from leases where tenant = ? and account = ? and (session = ? or device = ? or expires_at <= ?)""",
               (tenant, wanted["account"], wanted["session"], wanted["device"], now))
    db.execute("insert or replace into leases values (?, ?, ?, ?, ?, ?, ?)",
               (tenant, wanted["session"], wanted["account"], wanted["device"], wanted["device_name"],
                json.dumps(wanted["question"]), until))


def release(db, tenant, session):
    return db.execute("delete from leases where tenant = ? and session = ?", (tenant, session)).rowcount > 0


def new_id():
    return "crm_" + uuid.uuid4().hex

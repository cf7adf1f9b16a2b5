-- Tables every store has, beside its module's own. Their names begin with `tessera_`.

-- Transaction ids begin anew when data is restored into another server: each server's are counted from a base above all
-- that came before. Set when the store is opened.
create table tessera_epochs (
    system text not null primary key,
    base bigint not null
);

create table tessera_outbox (
    seq bigint generated always as identity primary key,
    -- Sequences commit out of order; transaction ids below the snapshot's xmin are all finished, so (xact, seq) is a
    -- position that nothing can appear behind. The default is the epoch's base and the transaction's id.
    xact bigint not null,
    id text not null,
    tenant text not null,
    subject text not null,
    type text not null,
    version bigint not null,
    time_us bigint not null,
    traceparent text,
    data text not null
);
create index tessera_outbox_position on tessera_outbox (xact, seq);
create index tessera_outbox_time on tessera_outbox (time_us);

create table tessera_idempotency (
    tenant text not null,
    caller text not null,
    operation text not null,
    key text not null,
    fingerprint text not null,
    answer text,
    created_us bigint not null,
    primary key (tenant, caller, operation, key)
);
create index tessera_idempotency_created on tessera_idempotency (created_us);

create table tessera_offsets (
    consumer text not null primary key,
    xact bigint not null,
    seq bigint not null,
    updated_us bigint not null
);

create table tessera_parked (
    consumer text not null,
    xact bigint not null,
    seq bigint not null,
    tenant text not null,
    subject text not null,
    event text not null,
    attempts bigint not null,
    error text,
    parked_us bigint not null,
    ready boolean not null,
    primary key (consumer, xact, seq)
);
create index tessera_parked_key on tessera_parked (consumer, tenant, subject);

create table tessera_versions (
    consumer text not null,
    tenant text not null,
    subject text not null,
    version bigint not null,
    primary key (consumer, tenant, subject)
);

create table tessera_jobs (
    tenant text not null,
    kind text not null,
    key text not null,
    payload text not null,
    state text not null,
    run_at_us bigint not null,
    attempts bigint not null,
    lease_owner text,
    lease_until_us bigint,
    progress bigint not null,
    message text,
    error text,
    traceparent text,
    created_us bigint not null,
    updated_us bigint not null,
    primary key (tenant, kind, key)
);
create index tessera_jobs_due on tessera_jobs (kind, state, run_at_us);

-- Addresses that events are brought to.
create table endpoints (
    tenant text not null,
    endpoint_id text not null,
    url text not null,
    description text not null,
    -- A JSON array of types.
    event_types text not null,
    enabled boolean not null,
    -- The number of the secret that signs.
    secret bigint not null,
    -- Failures since the last success, and since when.
    failures bigint not null,
    failing_since bigint,
    -- No call before this.
    paused_until bigint not null,
    created_at bigint not null,
    version bigint not null,
    primary key (tenant, endpoint_id)
);

create table secrets (
    tenant text not null,
    endpoint_id text not null,
    number bigint not null,
    sealed blob not null,
    master_key_id text not null,
    -- It signs until then; the current one for ever.
    until_us bigint,
    primary key (tenant, endpoint_id, number)
);

-- One event on its way to one address.
create table deliveries (
    tenant text not null,
    delivery_id text not null,
    endpoint_id text not null,
    message_id text not null,
    event_type text not null,
    body text not null,
    state text not null,
    -- Counts replays; a job is for one round.
    round bigint not null,
    -- When the round began.
    round_at bigint not null,
    attempts bigint not null,
    last_error text,
    created_at bigint not null,
    ended_at bigint,
    primary key (tenant, delivery_id)
);
create unique index deliveries_by_message on deliveries (tenant, endpoint_id, message_id);
create index deliveries_by_endpoint on deliveries (tenant, endpoint_id, state, created_at);
create index deliveries_by_end on deliveries (ended_at);

create table attempts (
    tenant text not null,
    delivery_id text not null,
    number bigint not null,
    at bigint not null,
    took_ms bigint not null,
    status bigint,
    error text,
    primary key (tenant, delivery_id, number)
);

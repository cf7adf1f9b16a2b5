create table grants (
    tenant text not null,
    grant_id text not null,
    source text not null,
    reference text not null,
    account_id text not null,
    scope text not null,
    starts_at bigint not null,
    ends_at bigint,
    max_streams bigint not null,
    revoked boolean not null,
    version bigint not null,
    change_number bigint not null,
    primary key (tenant, source, reference)
);

create unique index grants_by_change on grants (tenant, change_number);

create index grants_by_account on grants (tenant, account_id, change_number);

create table change_numbers (
    tenant text not null,
    latest bigint not null,
    primary key (tenant)
);

-- A stream slot, taken by a session; one a device. Times are wall time.
create table leases (
    tenant text not null,
    session_id text not null,
    account_id text not null,
    device_id text not null,
    device_name text not null,
    viewing text not null,
    facts text not null,
    expires_at bigint not null,
    primary key (tenant, session_id)
);

create unique index leases_by_device on leases (tenant, account_id, device_id);

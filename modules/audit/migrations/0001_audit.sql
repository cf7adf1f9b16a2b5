-- One row an entry; never updated, and deleted only from the beginning of a tenant's trail.
create table records (
    tenant text not null,
    number bigint not null,
    record_id text not null,
    at bigint not null,
    taken_at bigint not null,
    subject text not null,
    contract text not null,
    operation text not null,
    record text not null,
    hash text not null,
    primary key (tenant, number)
);

create unique index records_by_id on records (tenant, record_id);
create index records_by_age on records (tenant, taken_at);

create table targets (
    tenant text not null,
    target text not null,
    number bigint not null,
    primary key (tenant, target, number)
);

create index targets_by_number on targets (tenant, number);

-- Where each tenant's trail ends, and where what is kept of it begins.
create table trails (
    tenant text not null primary key,
    number bigint not null,
    hash text not null,
    kept_after bigint not null,
    kept_after_hash text not null
);

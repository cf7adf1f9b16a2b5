create table films (
    tenant text not null,
    id text not null,
    name text not null,
    version bigint not null,
    primary key (tenant, id)
);

-- When an asset's turn comes, and what is known of the work on it.
alter table assets add column priority bigint not null default 0;
alter table assets add column speed double precision;
alter table assets add column seconds_left bigint;
alter table assets add column cpu_us bigint not null default 0;

create index assets_by_state on assets (tenant, state, asset_id);

-- What was done to make an asset.
create table asset_log (
    tenant text not null,
    asset_id text not null,
    line bigint not null,
    at bigint not null,
    message text not null,
    primary key (tenant, asset_id, line)
);

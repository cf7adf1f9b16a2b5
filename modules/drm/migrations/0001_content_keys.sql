-- One content key an asset. `wrapped` is the key and its IV, encrypted under the master key that `master_key_id` names.
create table content_keys (
    tenant text not null,
    asset_id text not null,
    key_id text not null,
    wrapped blob not null,
    master_key_id text not null,
    created_at bigint not null,
    primary key (tenant, asset_id)
);

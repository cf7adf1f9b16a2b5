-- Several content keys an asset, told apart by a label; the one that an asset had so far has the empty label.
create table labelled_keys (
    tenant text not null,
    asset_id text not null,
    label text not null,
    key_id text not null,
    wrapped blob not null,
    master_key_id text not null,
    created_at bigint not null,
    primary key (tenant, asset_id, label)
);
insert into labelled_keys (tenant, asset_id, label, key_id, wrapped, master_key_id, created_at)
    select tenant, asset_id, '', key_id, wrapped, master_key_id, created_at from content_keys;
drop table content_keys;
alter table labelled_keys rename to content_keys;

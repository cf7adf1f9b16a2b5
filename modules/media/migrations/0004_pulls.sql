-- Files that are fetched from an address, each into an upload.
create table pulls (
    tenant text not null,
    upload_id text not null,
    state text not null,
    host text not null,
    -- Kept only until the pull has ended: it may hold a signature.
    url text,
    etag text,
    -- Attempts since the last byte came.
    in_vain bigint not null default 0,
    failure text,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (tenant, upload_id)
);

create index pulls_by_state on pulls (tenant, state);

create table uploads (
    tenant text not null,
    upload_id text not null,
    length bigint not null,
    received bigint not null,
    metadata text not null,
    -- The asset that is being made of it.
    asset_id text,
    created_at bigint not null,
    expires_at bigint not null,
    -- Terminated, expired or used up: its chunks are being deleted.
    ended_at bigint,
    primary key (tenant, upload_id)
);

create index uploads_by_expiry on uploads (expires_at);

create index uploads_by_end on uploads (ended_at);

create table upload_chunks (
    tenant text not null,
    upload_id text not null,
    first_byte bigint not null,
    size bigint not null,
    blob text not null,
    primary key (tenant, upload_id, first_byte)
);

create table assets (
    tenant text not null,
    asset_id text not null,
    upload_id text not null,
    protection text not null,
    state text not null,
    stage text,
    progress bigint not null,
    failure text,
    source text,
    -- Who works on it, or has made it: the folder of its blobs.
    attempt text,
    -- What was made, as JSON, and the key its track files are encrypted with.
    made text,
    key_id text,
    wrapped_key blob,
    created_at bigint not null,
    updated_at bigint not null,
    version bigint not null,
    primary key (tenant, asset_id)
);

-- Attempts whose blobs may have to be deleted.
create table attempts (
    tenant text not null,
    asset_id text not null,
    attempt text not null,
    begun_at bigint not null,
    primary key (tenant, asset_id, attempt)
);

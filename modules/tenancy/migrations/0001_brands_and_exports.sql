create table brands (
    tenant text not null primary key,
    brand text not null,
    updated_at bigint not null,
    version bigint not null
);

-- Small, and part of what a commit changes: a picture is never without its brand, nor a brand without its picture.
create table brand_pictures (
    tenant text not null,
    picture_use text not null,
    media_type text not null,
    width bigint not null,
    height bigint not null,
    digest text not null,
    content blob not null,
    primary key (tenant, picture_use)
);

create table exports (
    tenant text not null,
    export_id text not null,
    created_at bigint not null,
    expires_at bigint not null,
    row_count bigint,
    byte_count bigint,
    primary key (tenant, export_id)
);

create index exports_by_expiry on exports (expires_at);

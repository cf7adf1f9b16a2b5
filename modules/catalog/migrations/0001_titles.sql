create table titles (
    tenant text not null,
    title_id text not null,
    published boolean not null,
    draft text not null,
    starts_at bigint,
    ends_at bigint,
    everywhere boolean not null,
    asset_id text,
    created_at bigint not null,
    updated_at bigint not null,
    version bigint not null,
    change_number bigint not null,
    primary key (tenant, title_id)
);

create unique index titles_by_change on titles (tenant, change_number);

create index titles_by_asset on titles (tenant, asset_id);

create table title_genres (
    tenant text not null,
    genre text not null,
    title_id text not null,
    primary key (tenant, genre, title_id)
);

create table title_territories (
    tenant text not null,
    territory text not null,
    title_id text not null,
    primary key (tenant, territory, title_id)
);

-- What media has said of an asset, whichever came first: the title or its asset.
create table asset_facts (
    tenant text not null,
    asset_id text not null,
    duration_seconds bigint,
    has_poster boolean not null,
    primary key (tenant, asset_id)
);

create table change_numbers (
    tenant text not null,
    latest bigint not null,
    primary key (tenant)
);

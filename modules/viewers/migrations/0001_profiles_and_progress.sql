create table profiles (
    tenant text not null,
    profile_id text not null,
    account_id text not null,
    -- 1 is the account's default.
    number bigint not null,
    name text not null,
    age_limit bigint,
    version bigint not null,
    primary key (tenant, profile_id)
);

create unique index profiles_by_account on profiles (tenant, account_id, number);

-- How far a profile is in a title, and which statement of which playback session said so. Times are wall time.
create table progress (
    tenant text not null,
    profile_id text not null,
    title_id text not null,
    position_seconds bigint not null,
    watched_at bigint not null,
    session_id text not null,
    session_version bigint not null,
    version bigint not null,
    primary key (tenant, profile_id, title_id)
);

create index progress_latest_first on progress (tenant, profile_id, watched_at, title_id);

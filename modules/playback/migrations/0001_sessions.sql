-- A start under way: the session id that an idempotency key stands for, and which attempt at it may go on. An attempt
-- that is past `expires_at` has died with its process, and the next may begin. Times are wall time.
create table starts (
    tenant text not null,
    session_id text not null,
    attempt bigint not null,
    expires_at bigint not null,
    primary key (tenant, session_id)
);

create index starts_by_expiry on starts (expires_at);

create table sessions (
    tenant text not null,
    session_id text not null,
    account_id text not null,
    profile_id text not null,
    title_id text not null,
    device_id text not null,
    position_seconds bigint not null,
    position_reported boolean not null,
    started_at bigint not null,
    updated_at bigint not null,
    -- Without a beat until then it is over.
    beat_by bigint not null,
    ended_at bigint,
    version bigint not null,
    -- What start answered, for the same key again.
    answer text not null,
    primary key (tenant, session_id)
);

create index sessions_playing on sessions (beat_by) where ended_at is null;

create index sessions_ended on sessions (ended_at) where ended_at is not null;

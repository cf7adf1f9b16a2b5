-- What the grants' events said: each subject's last word, and each word's count.
create table grants_heard (
    tenant text not null,
    grant_id text not null,
    version bigint not null,
    revoked boolean not null,
    -- Events that were older than one heard before.
    disorder bigint not null,
    primary key (tenant, grant_id)
);

create table words (
    tenant text not null,
    event_id text not null,
    times bigint not null,
    primary key (tenant, event_id)
);

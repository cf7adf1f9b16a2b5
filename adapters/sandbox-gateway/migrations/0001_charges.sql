-- What a token stands for. The card's number, expiry and security code are checked and forgotten.
create table tokens (
    tenant text not null,
    token text not null,
    behaviour text not null,
    brand text not null,
    last4 text not null,
    expires_at bigint not null,
    created_at bigint not null,
    primary key (tenant, token)
);

create table charges (
    tenant text not null,
    reference text not null,
    token text not null,
    amount_minor bigint not null,
    currency text not null,
    statement text not null,
    decline_code text,
    -- When a charge that is not declined succeeds, wall time; until then it is pending.
    settles_at bigint not null,
    created_at bigint not null,
    primary key (tenant, reference)
);

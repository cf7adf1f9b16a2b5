create table offers (
    tenant text not null,
    offer_id text not null,
    name text not null,
    description text not null,
    kind text not null,
    plan text,
    title_id text,
    hours bigint,
    amount_minor bigint not null,
    currency text not null,
    max_streams bigint not null,
    archived boolean not null,
    version bigint not null,
    primary key (tenant, offer_id)
);

create table checkouts (
    tenant text not null,
    checkout_id text not null,
    account_id text not null,
    offer_id text not null,
    title_id text,
    amount_minor bigint not null,
    currency text not null,
    state text not null,
    refusal text,
    decline_message text,
    subscription_id text,
    -- Business time.
    created_at bigint not null,
    -- Wall time: how long the gateway has had to say something.
    started_at bigint not null,
    primary key (tenant, checkout_id)
);

-- What an account has or is about to have: one row for each thing, so that nothing is charged for twice. The row of a
-- checkout that was declined goes; a row whose time has run out is replaced.
create table holdings (
    tenant text not null,
    account_id text not null,
    thing text not null,
    checkout_id text not null,
    pending boolean not null,
    -- First instant the account no longer has it, business time; open while it is renewed.
    until bigint,
    primary key (tenant, account_id, thing)
);

create table subscriptions (
    tenant text not null,
    subscription_id text not null,
    account_id text not null,
    offer_id text not null,
    checkout_id text not null,
    plan text not null,
    amount_minor bigint not null,
    currency text not null,
    max_streams bigint not null,
    state text not null,
    -- Where periods are counted from, business time.
    anchor bigint not null,
    -- The current period's number, from 0.
    period bigint not null,
    period_starts_at bigint not null,
    period_ends_at bigint not null,
    -- Since when the charge of the next period has no known outcome, wall time.
    renewing_since bigint,
    -- The gateway's token, never a card.
    payment_token text not null,
    version bigint not null,
    primary key (tenant, subscription_id)
);
create index subscriptions_by_account on subscriptions (tenant, account_id);
create index subscriptions_due on subscriptions (tenant, state, period_ends_at);

create table purchases (
    tenant text not null,
    checkout_id text not null,
    account_id text not null,
    title_id text not null,
    amount_minor bigint not null,
    currency text not null,
    max_streams bigint not null,
    starts_at bigint not null,
    ends_at bigint not null,
    version bigint not null,
    primary key (tenant, checkout_id)
);
create index purchases_by_account on purchases (tenant, account_id, starts_at);

create table ledger_transactions (
    tenant text not null,
    transaction_id text not null,
    reference text not null,
    description text not null,
    booked_at bigint not null,
    primary key (tenant, transaction_id)
);
create index ledger_by_time on ledger_transactions (tenant, booked_at, transaction_id);
-- What a transaction belongs to is booked once.
create unique index ledger_by_reference on ledger_transactions (tenant, reference);

create table ledger_entries (
    tenant text not null,
    transaction_id text not null,
    line bigint not null,
    account text not null,
    amount_minor bigint not null,
    currency text not null,
    primary key (tenant, transaction_id, line)
);

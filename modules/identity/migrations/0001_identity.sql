create table accounts (
    tenant text not null,
    account_id text not null,
    email text not null,
    password_hash text not null,
    created_at bigint not null,
    version bigint not null,
    primary key (tenant, account_id)
);

create unique index accounts_by_email on accounts (tenant, email);

-- The issuer's own sessions: who signed in in which browser.
create table sign_ins (
    tenant text not null,
    sign_in text not null,
    account_id text not null,
    authenticated_at bigint not null,
    expires_at bigint not null,
    primary key (tenant, sign_in)
);

-- What one authorization led to: all refresh tokens that came from it, one after the other.
create table grants (
    tenant text not null,
    grant_id text not null,
    sign_in text not null,
    account_id text not null,
    client_id text not null,
    scope text not null,
    authenticated_at bigint not null,
    expires_at bigint not null,
    revoked boolean not null,
    primary key (tenant, grant_id)
);

create index grants_by_sign_in on grants (tenant, sign_in);

create table codes (
    tenant text not null,
    code_hash text not null,
    grant_id text not null,
    redirect_uri text not null,
    challenge text not null,
    nonce text,
    expires_at bigint not null,
    used boolean not null,
    primary key (tenant, code_hash)
);

create table refresh_tokens (
    tenant text not null,
    token_hash text not null,
    grant_id text not null,
    used boolean not null,
    primary key (tenant, token_hash)
);

create index refresh_tokens_by_grant on refresh_tokens (tenant, grant_id);

create table signing_keys (
    tenant text not null,
    generation bigint not null,
    key_id text not null,
    sealed blob not null,
    public_jwk text not null,
    created_at bigint not null,
    signs_from bigint not null,
    primary key (tenant, generation)
);

-- The app's sessions: the browser has a cookie, the refresh token stays here.
create table sessions (
    tenant text not null,
    session text not null,
    account_id text not null,
    email text,
    sealed_refresh_token blob not null,
    fresh_until bigint not null,
    refreshing_until bigint not null,
    expires_at bigint not null,
    primary key (tenant, session)
);

-- Looked up before the tenant is known: the hash alone is the key.
create table api_keys (
    secret_hash text not null primary key,
    tenant text not null,
    key_id text not null,
    name text not null,
    scopes text not null,
    created_at bigint not null,
    revoked_at bigint
);

create unique index api_keys_by_id on api_keys (tenant, key_id);

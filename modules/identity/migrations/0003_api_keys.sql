-- An API key can run out, get a new secret, and says who made it and when it was last used.
alter table api_keys add column prefix text;
alter table api_keys add column created_by text;
alter table api_keys add column expires_at bigint;
alter table api_keys add column rotated_at bigint;
alter table api_keys add column last_used_at bigint;
alter table api_keys add column last_used_address text;

-- Secrets that were replaced and still work for a while. Looked up before the tenant is known, as the key's own is.
create table replaced_secrets (
    secret_hash text not null primary key,
    tenant text not null,
    key_id text not null,
    valid_until bigint not null
);

create index replaced_secrets_by_key on replaced_secrets (tenant, key_id);

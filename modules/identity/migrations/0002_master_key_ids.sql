-- Which master key a secret is sealed under, so that it can be sealed anew under another.
alter table signing_keys add column master_key_id text not null default '1';
alter table sessions add column master_key_id text not null default '1';

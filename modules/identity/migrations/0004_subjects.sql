-- Whom another provider signs in, by its own names for them.
create table subjects (
    tenant text not null,
    issuer text not null,
    subject text not null,
    account_id text not null,
    primary key (tenant, issuer, subject)
);

create index subjects_by_account on subjects (tenant, account_id);

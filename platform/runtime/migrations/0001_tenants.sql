-- Who is served, and under which host names. Read before a request's tenant is known, so no tenant owns a row.

create table tenants (
    id text not null primary key,
    display_name text not null,
    kind text not null,
    state text not null,
    default_locale text not null,
    default_territory text,
    clock_offset_us bigint not null,
    created_us bigint not null
);

create table hosts (
    host text not null primary key,
    belongs_to text not null
);
create index hosts_belongs_to on hosts (belongs_to);

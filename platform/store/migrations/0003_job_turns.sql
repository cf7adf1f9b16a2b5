-- Which of a tenant's jobs goes first, and when a job was last taken, so that tenants take turns.
alter table tessera_jobs add column priority bigint not null default 0;
alter table tessera_jobs add column claimed_us bigint not null default 0;
create index tessera_jobs_claimed on tessera_jobs (kind, claimed_us);

-- When a version was last seen, so that those of subjects that nothing is heard of any more can go.
alter table tessera_versions add column seen_us bigint not null default 0;
update tessera_versions set seen_us = cast(strftime('%s', 'now') as integer) * 1000000;
create index tessera_versions_seen on tessera_versions (seen_us);

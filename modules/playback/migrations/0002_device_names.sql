-- What the owner of a device calls it, for a slot that is taken anew while a session plays.
alter table sessions add column device_name text not null default '';

alter table tenants add column suspended_because text;

-- Where a consumer stands in the partitions of a topic, when events come over a broker.
create table tessera_partitions (
    consumer text not null,
    topic text not null,
    part bigint not null,
    -- How many the topic has: what a key's partition is depends on it.
    parts bigint not null,
    next_offset bigint not null,
    -- Where in its outbox the last event stands that was taken from the partition.
    xact bigint not null,
    seq bigint not null,
    updated_us bigint not null,
    primary key (consumer, topic, part)
);

-- The processes that share a consumer's partitions, or stand by to relay, each for a while and then again.
create table tessera_members (
    name text not null,
    member text not null,
    since_us bigint not null,
    until_us bigint not null,
    primary key (name, member)
);

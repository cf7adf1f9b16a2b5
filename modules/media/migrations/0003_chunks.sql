-- The encoding of a film in chunks that is under way, whoever's attempt looks after it.
alter table assets add column encoding text;

create table encodings (
    tenant text not null,
    asset_id text not null,
    -- The folder of its blobs.
    encoding text not null,
    -- Of what FFmpeg is told: another one makes pictures that do not fit.
    fingerprint text not null,
    -- Steps of rate factor that the film was found to do without.
    saved bigint not null,
    -- What its blobs are encrypted with.
    key_id text not null,
    wrapped_key blob not null,
    created_at bigint not null,
    primary key (tenant, asset_id, encoding)
);

create table encoding_chunks (
    tenant text not null,
    asset_id text not null,
    encoding text not null,
    number bigint not null,
    first_frame bigint not null,
    -- None for the last: to the end of the film.
    frames bigint,
    -- Frames encoded so far, and what that has cost.
    done_frames bigint not null default 0,
    cpu_us bigint not null default 0,
    -- What was made, as JSON; or why nothing could be.
    made text,
    failure text,
    primary key (tenant, asset_id, encoding, number)
);

//! Scenarios across modules, on the real binary: what an operator, a viewer and an intruder do, and what comes of it.

mod alerts;
mod audit;
mod backup;
mod between_processes;
mod checks;
mod clocks;
mod contracts;
mod crash;
mod damage;
mod deploy;
mod disk_full;
mod doctor;
mod first_start;
mod ingest;
mod journey;
mod kill;
mod logs;
mod offline;
mod operator;
mod pages;
mod players;
mod proxy;
mod replacement;
mod tenants;
mod tokens;
mod walkthrough;

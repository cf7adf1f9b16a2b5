//! The `tessera` command: the composition root, and what an operator does at a terminal.

mod app;
mod app_page;
mod asset_command;
mod audit_command;
mod authorize;
mod background;
mod backup;
mod certs;
mod cli;
mod client;
mod config;
mod contract_check;
mod contract_copy;
mod contracts;
mod database;
mod demo;
mod deployment;
mod doctor;
mod edge_identity;
mod elsewhere;
mod error;
mod events;
mod feed;
mod figures;
mod films;
mod flags;
mod flags_command;
mod front;
mod grant_steps;
mod hls_check;
mod identity_provider;
mod ingest;
mod ingest_command;
mod inspect_command;
mod key_command;
mod keys;
mod log_level;
mod media_command;
mod migrate;
mod modules;
mod mtls;
mod notify;
mod openapi;
mod origins;
mod output;
mod package_command;
mod placed_entitlement;
mod placement;
mod places;
mod progress;
mod reload;
mod remotes;
mod restore;
mod retention;
mod rings;
mod routes;
mod run;
mod schema;
mod settings;
mod spans;
mod tenant;
mod tenant_data;
mod tenant_export;
mod tool_certs;
mod trace_command;
mod trace_tree;
mod trail;

use std::process::ExitCode;

use clap::Parser;

use cli::{Arguments, Command, Contract, Hls};
use error::CommandError;
use output::say;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match settings::runtime(&arguments) {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&format!("error: starting the async runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(execute(arguments)) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn execute(arguments: Arguments) -> Result<ExitCode, CommandError> {
    let config = arguments.config.as_deref();
    match arguments.command {
        Command::Up(up) => run::up(config, up).await?,
        Command::Demo(arguments) => demo::run(config, arguments).await?,
        Command::Serve(serve) => run::serve(config, serve).await?,
        Command::Ingest(ingest) => ingest_command::run(ingest).await?,
        Command::Package(arguments) => package_command::run(arguments).await?,
        Command::Hls(Hls::Check { playlist }) => {
            // Broken rules are a result, not an error of the command: exit code 2.
            return Ok(if hls_check::run(&playlist).await? { ExitCode::SUCCESS } else { ExitCode::from(2) });
        }
        Command::Media(command) => return media_command::run(config, command).await,
        Command::Tenant(command) => Box::pin(tenant::run(config, command)).await?,
        Command::Key(command) => key_command::run(config, command).await?,
        Command::Audit(command) => return audit_command::run(config, command).await,
        Command::LogLevel(arguments) => log_level::run(config, arguments).await?,
        Command::Flags(command) => return flags_command::run(config, command),
        Command::Trace(arguments) => trace_command::run(config, arguments).await?,
        Command::Backup(args) => backup::run(config, args).await?,
        Command::Restore(args) => restore::run(config, args).await?,
        Command::Keys(command) => keys::run(config, command).await?,
        Command::Certs(command) => certs::run(command)?,
        Command::Migrate(args) => migrate::run(config, args).await?,
        Command::Database(command) => database::run(config, command).await?,
        Command::Openapi { contract } => openapi::run(contract.as_deref())?,
        Command::Asyncapi => openapi::events()?,
        Command::Doctor(args) => return doctor::run(config, &args).await,
        Command::Contract(Contract::Copy(arguments)) => return contract_copy::run(config, arguments).await,
        Command::Contract(Contract::Check { contract, url, protocol, fixtures, data, key, certs, tenants, json }) => {
            let check = contract_check::Check {
                contract: &contract,
                url: &url,
                protocol,
                fixtures: fixtures.as_deref(),
                data: data.as_deref(),
                key: key.as_deref(),
                certs: certs.as_deref(),
                tenants: &tenants,
                json,
            };
            return contract_check::run(check).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

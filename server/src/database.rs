//! PostgreSQL for processes that hold one module each: a role, a password and a schema a module.
//!
//! The configured address may name the module as `{module}`, and its password as `{password}`, which is the secret
//! `postgres-<module>`.

use std::path::Path;

use tessera_runtime::secrets::Secrets;
use tessera_store::{login_role, provision};

use crate::{cli::Database, error::CommandError, output::tell, schema, settings};

const MODULE: &str = "{module}";
const PASSWORD: &str = "{password}";

/// Does what was asked.
pub(crate) async fn run(config: Option<&Path>, command: Database) -> Result<(), CommandError> {
    let Database::Init { admin_url, data } = command;
    let root = settings::of_data(config, data.as_deref())?;
    let secrets = root.secrets(&root.data)?;
    for module in schema::MODULES {
        let password = secrets.get_or_create(&secret_of(module.name));
        let password = password.map_err(|e| CommandError::caused("making a password", e))?;
        provision(&admin_url, module, &hexadecimal(password.expose()))
            .await
            .map_err(|error| CommandError::new(schema::sentence(&error)))?;
        tell(&format!("{:<24} owns the schema {}", login_role(module), module.name));
    }
    Ok(())
}

/// The name of the secret that is a module's password.
fn secret_of(module: &str) -> String {
    format!("postgres-{module}")
}

/// The address of a module's database.
///
/// # Errors
/// It wants a password that is not among the secrets.
pub(crate) fn address_of(
    template: &str,
    module: &str,
    secrets: impl FnOnce() -> Result<Secrets, CommandError>,
) -> Result<String, CommandError> {
    let address = template.replace(MODULE, module);
    if !address.contains(PASSWORD) {
        return Ok(address);
    }
    let name = secret_of(module);
    let stored = secrets()?.stored(&name).map_err(|e| CommandError::caused("reading a secret", e))?;
    let stored = stored.ok_or_else(|| {
        CommandError::new(format!(
            "the address of the database wants a password for {module}, and there is no secret {name}: `tessera database \
             init` makes it, with the role and the schema"
        ))
    })?;
    Ok(address.replace(PASSWORD, &hexadecimal(stored.current().key().expose())))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_the_module_and_its_password() {
        let data = tessera_testing::temp_dir();
        let secrets = || Secrets::open(data.path()).map_err(|e| CommandError::caused("opening", e));
        let whole = |template: &str| address_of(template, "billing", secrets);
        assert_eq!(whole("postgres://tessera@db/tv").unwrap(), "postgres://tessera@db/tv");
        assert_eq!(whole("postgres://tessera_{module}@db/tv").unwrap(), "postgres://tessera_billing@db/tv");

        let refused = whole("postgres://tessera_{module}:{password}@db/tv").unwrap_err().to_string();
        assert!(refused.contains("postgres-billing") && refused.contains("database init"), "{refused}");
        let password = secrets().unwrap().get_or_create("postgres-billing").unwrap();
        let password = hexadecimal(password.expose());
        let address = whole("postgres://tessera_{module}:{password}@db/tv").unwrap();
        assert_eq!(address, format!("postgres://tessera_billing:{password}@db/tv"));
    }
}

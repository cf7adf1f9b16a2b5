//! A role and a schema of its own for a module, made by an administrator, so that the module's process needs no right
//! to make either and has none on another's.

use std::str::FromStr;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{
    Module, OpenError, schema,
    site::{system_role, tenant_role},
};

/// The role that a module's process signs in as.
pub fn login_role(module: &Module) -> String {
    format!("tessera_{}", module.name)
}

/// Makes, at the server and database that `admin` names, the role [`login_role`] with this password, the two roles that
/// it works under, and its schema, which it owns. What is there already stays; the password is set anew.
///
/// # Errors
/// The server cannot be reached, or `admin` may not make roles.
pub async fn provision(admin: &str, module: &'static Module, password: &str) -> Result<(), OpenError> {
    let url = |source| OpenError::Url { module: module.name.into(), source };
    let options = PgConnectOptions::from_str(admin).map_err(url)?;
    let trouble = |error| OpenError::postgres(module.name, error);
    let mut conn = PgConnection::connect_with(&options).await.map_err(trouble)?;
    let mut tx = conn.begin().await.map_err(trouble)?;
    let (schema, login) = (module.name, login_role(module));
    for role in [tenant_role(module), system_role(module), login.clone()] {
        schema::create_role(&mut tx, &role).await.map_err(trouble)?;
    }
    let (tenant, system) = (tenant_role(module), system_role(module));
    let password = password.replace('\'', "''");
    let database: String =
        sqlx::query_scalar("select quote_ident(current_database())").fetch_one(&mut *tx).await.map_err(trouble)?;
    let sql = format!(
        "alter role {login} login nosuperuser nocreatedb nocreaterole password '{password}'; \
         grant {tenant}, {system} to {login}; \
         grant {login} to current_user; \
         grant connect on database {database} to {login}; \
         create schema if not exists {schema} authorization {login}; \
         alter schema {schema} owner to {login}; \
         revoke all on schema {schema} from public"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await.map_err(trouble)?;
    tx.commit().await.map_err(trouble)
}

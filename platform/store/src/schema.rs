//! A module's schema on PostgreSQL: its roles, its migrations, and row-level security on every tenant's table.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};

use crate::{
    Module, OpenError, StoreConfig, migrate,
    site::{self, Site},
};

/// Creates what is missing, in one transaction. Answers the base of the server's epoch.
pub(crate) async fn prepare(pool: &PgPool, module: &'static Module, site: &Site) -> Result<i64, OpenError> {
    let trouble = |error| OpenError::postgres(module.name, error);
    let mut tx = pool.begin().await.map_err(trouble)?;
    let epoch = prepare_in(&mut tx, module, site).await?;
    tx.commit().await.map_err(trouble)?;
    Ok(epoch)
}

/// Makes the roles of `modules` on the server, for a dump that gives them rights. Nothing to do for SQLite.
///
/// # Errors
/// The server cannot be reached, or the configured role may not make roles.
pub async fn prepare_roles(config: &StoreConfig, modules: &[&'static Module]) -> Result<(), OpenError> {
    let StoreConfig::Postgres { url, .. } = config else { return Ok(()) };
    let mut conn = PgConnection::connect(url).await.map_err(|e| OpenError::postgres("all modules", e))?;
    for module in modules {
        for role in [site::tenant_role(module), site::system_role(module)] {
            ensure_role(&mut conn, &role).await.map_err(|e| OpenError::postgres(module.name, e))?;
        }
    }
    Ok(())
}

/// As [`prepare`], in the caller's transaction and under the module's advisory lock.
pub(crate) async fn prepare_in(tx: &mut PgConnection, module: &'static Module, site: &Site) -> Result<i64, OpenError> {
    let trouble = |error| OpenError::postgres(module.name, error);
    // Migrations wait for those of another replica, and for no one's short locks in vain.
    run(tx, "set local lock_timeout = '60s'".into()).await.map_err(trouble)?;
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('tessera:' || $1, 0))")
        .bind(module.name)
        .execute(&mut *tx)
        .await
        .map_err(trouble)?;
    for role in [site.tenant_role(), site.system_role()] {
        ensure_role(tx, &role).await.map_err(trouble)?;
    }
    ensure_schema(tx, module.name).await.map_err(trouble)?;
    let grown = migrate::postgres(tx, module, site.clock.now()).await?;
    if grown {
        collate(tx).await.map_err(trouble)?;
        secure(tx, site).await.map_err(trouble)?;
    }
    epoch(tx).await.map_err(trouble)
}

/// What this server's transaction ids are counted from. Data restored from another server begins a new epoch, so that
/// its events stay behind those to come.
async fn epoch(conn: &mut PgConnection) -> sqlx::Result<i64> {
    let system: String =
        sqlx::query_scalar("select system_identifier::text from pg_control_system()").fetch_one(&mut *conn).await?;
    let known: Option<i64> = sqlx::query_scalar("select base from tessera_epochs where system = $1")
        .bind(&system)
        .fetch_optional(&mut *conn)
        .await?;
    if let Some(base) = known {
        return Ok(base);
    }
    // No server counts 2^48 transactions: a hundred thousand a second for ninety years.
    let base: i64 = sqlx::query_scalar(
        "insert into tessera_epochs (system, base) select $1, count(*) << 48 from tessera_epochs returning base",
    )
    .bind(&system)
    .fetch_one(&mut *conn)
    .await?;
    let count = format!(
        "alter table tessera_outbox alter column xact set default ({base} + pg_current_xact_id()::text::bigint)"
    );
    run(conn, count).await?;
    Ok(base)
}

/// A role that owns nothing, and that the connecting role may take on. Roles are the whole server's, so another
/// database may be creating the same one.
async fn ensure_role(conn: &mut PgConnection, role: &str) -> sqlx::Result<()> {
    create_role(conn, role).await?;
    let member: bool = sqlx::query_scalar("select pg_has_role(current_user, $1::name, 'member')")
        .bind(role)
        .fetch_one(&mut *conn)
        .await?;
    match member {
        true => Ok(()),
        false => run(conn, format!("grant {role} to current_user")).await,
    }
}

/// Creates a role that cannot sign in, unless it is there.
pub(crate) async fn create_role(conn: &mut PgConnection, role: &str) -> sqlx::Result<()> {
    let exists: bool = sqlx::query_scalar("select exists (select 1 from pg_roles where rolname = $1)")
        .bind(role)
        .fetch_one(&mut *conn)
        .await?;
    match exists {
        true => Ok(()),
        false => {
            let create = format!(
                "do $$ begin create role {role} nologin; exception when duplicate_object or unique_violation then null; \
                 end $$"
            );
            run(conn, create).await
        }
    }
}

/// The schema, and the type names that portable SQL uses and PostgreSQL lacks.
async fn ensure_schema(conn: &mut PgConnection, schema: &str) -> sqlx::Result<()> {
    let exists: bool = sqlx::query_scalar("select exists (select 1 from pg_namespace where nspname = $1)")
        .bind(schema)
        .fetch_one(&mut *conn)
        .await?;
    if !exists {
        run(conn, format!("create schema {schema}")).await?;
    }
    // An administrator may have made the schema without it.
    let typed: bool = sqlx::query_scalar(
        "select exists (select 1 from pg_type t join pg_namespace n on n.oid = t.typnamespace \
         where n.nspname = $1 and t.typname = 'blob')",
    )
    .bind(schema)
    .fetch_one(&mut *conn)
    .await?;
    match typed {
        true => Ok(()),
        false => run(conn, format!("create domain {schema}.blob as bytea")).await,
    }
}

/// Keys are compared bytewise, as SQLite does, or cursors would order differently.
async fn collate(conn: &mut PgConnection) -> sqlx::Result<()> {
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select quote_ident(t.relname), quote_ident(c.attname) from pg_attribute c join pg_class t on t.oid = c.attrelid \
         where t.relnamespace = current_schema()::regnamespace and t.relkind = 'r' and c.attnum > 0 \
         and not c.attisdropped and c.atttypid = 'text'::regtype and c.attcollation <> 'pg_catalog.\"C\"'::regcollation",
    )
    .fetch_all(&mut *conn)
    .await?;
    for (table, column) in columns {
        run(conn, format!("alter table {table} alter column {column} type text collate pg_catalog.\"C\"")).await?;
    }
    Ok(())
}

/// Grants, and row-level security for every table with a column `tenant`. A tenant's role has no access to others.
async fn secure(conn: &mut PgConnection, site: &Site) -> sqlx::Result<()> {
    let (schema, tenant_role, system_role) = (site.module.name, site.tenant_role(), site.system_role());
    run(
        conn,
        format!(
            "grant usage on schema {schema} to {tenant_role}, {system_role}; \
             grant select, insert, update, delete on all tables in schema {schema} to {system_role}; \
             grant usage, select on all sequences in schema {schema} to {tenant_role}, {system_role}"
        ),
    )
    .await?;
    let tables: Vec<(String,)> = sqlx::query_as(
        "select quote_ident(t.relname) from pg_class t join pg_attribute c on c.attrelid = t.oid \
         where t.relnamespace = current_schema()::regnamespace and t.relkind = 'r' and c.attname = 'tenant' \
         and c.attnum > 0 and not c.attisdropped",
    )
    .fetch_all(&mut *conn)
    .await?;
    for (table,) in tables {
        run(
            conn,
            format!(
                "grant select, insert, update, delete on {table} to {tenant_role}; \
                 alter table {table} enable row level security; \
                 drop policy if exists tessera_tenant on {table}; \
                 create policy tessera_tenant on {table} to {tenant_role} \
                     using (tenant = current_setting('tessera.tenant', true)) \
                     with check (tenant = current_setting('tessera.tenant', true)); \
                 drop policy if exists tessera_system on {table}; \
                 create policy tessera_system on {table} to {system_role} using (true) with check (true)"
            ),
        )
        .await?;
    }
    Ok(())
}

async fn run(conn: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(drop)
}

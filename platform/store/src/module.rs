//! Whose store it is, and the steps its schema grew by.

use sha2::{Digest, Sha256};

/// A module as its store knows it: a name (the file's or the schema's) and its migrations.
///
/// Made by [`crate::module!`].
#[derive(Debug)]
pub struct Module {
    /// Lower-case letters and digits: `catalog`.
    pub name: &'static str,
    /// In order; a released one never changes again.
    pub migrations: &'static [Migration],
}

/// One step of a schema.
#[derive(Debug)]
pub struct Migration {
    /// The file's name without extension: a four-digit version and what it does, `0001_titles`.
    pub name: &'static str,
    /// SQL for both engines; for SQLite alone where `postgres` is given.
    pub sql: &'static str,
    /// What PostgreSQL runs instead.
    pub postgres: Option<&'static str>,
}

/// The engine a statement is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file of this process.
    Sqlite,
    /// A server.
    Postgres,
}

impl Migration {
    /// The number its name begins with.
    pub fn version(&self) -> i64 {
        let digits = self.name.split('_').next().unwrap_or_default();
        digits.parse().expect("a migration's name begins with its number, checked by `module!`")
    }

    /// What to run on `engine`.
    pub fn text(&self, engine: Engine) -> &'static str {
        match (engine, self.postgres) {
            (Engine::Postgres, Some(sql)) => sql,
            (Engine::Sqlite | Engine::Postgres, _) => self.sql,
        }
    }

    /// SHA-256 of what is run on `engine`, in hexadecimal.
    pub(crate) fn checksum(&self, engine: Engine) -> String {
        Sha256::digest(self.text(engine)).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// For [`crate::module!`]: fails the build when the names are not numbered 0001, 0002 and so on.
#[doc(hidden)]
pub const fn numbered(names: &[&str]) {
    let mut at = 0;
    while at < names.len() {
        let name = names[at].as_bytes();
        assert!(name.len() > 5 && name[4] == b'_', "a migration is named like `0001_titles`");
        let mut number = 0;
        let mut digit = 0;
        while digit < 4 {
            assert!(name[digit].is_ascii_digit(), "a migration's name begins with four digits");
            number = number * 10 + (name[digit] - b'0') as usize;
            digit += 1;
        }
        assert!(number == at + 1, "migrations are numbered from 0001 without a gap, in order");
        at += 1;
    }
}

/// A [`Module`] with the migrations of the crate's `migrations/` folder, in order:
///
/// ```ignore
/// static MODULE: Module = tessera_store::module!("catalog", ["0001_titles", "0002_search" + postgres]);
/// ```
///
/// `0001_titles` is `migrations/0001_titles.sql`, for both engines. With `+ postgres`, PostgreSQL runs
/// `migrations/0002_search.postgres.sql` instead.
#[macro_export]
macro_rules! module {
    ($module:literal, [$($name:literal $(+ $postgres:ident)?),* $(,)?]) => {{
        const _: () = $crate::numbered(&[$($name),*]);
        $crate::Module {
            name: $module,
            migrations: &[$($crate::Migration {
                name: $name,
                sql: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $name, ".sql")),
                postgres: $crate::module!(@sibling $name $($postgres)?),
            }),*],
        }
    }};
    (@sibling $name:literal) => { None };
    (@sibling $name:literal postgres) => {
        Some(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $name, ".postgres.sql")))
    };
}

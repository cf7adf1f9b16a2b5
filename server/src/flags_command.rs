//! `tessera flags`: what a file of flags says, before and while a server goes by it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::Map;
use tessera_flags::{Explained, FlagFileError, FlagSet, Resolved, context, json_of, read};
use tessera_types::{Clock, SystemClock, TenantId, Territory};

use crate::{
    cli::Flags,
    error::CommandError,
    flags::{effect, oddity},
    output::{say, tell},
    settings,
};

/// Carries the command out.
pub(crate) fn run(config: Option<&Path>, command: Flags) -> Result<ExitCode, CommandError> {
    match command {
        Flags::Check { file } => check(&path(config, file)?),
        Flags::List { at } => list(&path(config, at.file)?),
        Flags::Explain { key, tenant, account, country, at } => {
            let subject = Subject { tenant, account, country };
            explain(&path(config, at.file)?, &key, &subject)
        }
    }
}

fn path(config: Option<&Path>, file: Option<PathBuf>) -> Result<PathBuf, CommandError> {
    if let Some(file) = file {
        return Ok(file);
    }
    let root = settings::of_data(config, None)?;
    root.flags.file.ok_or_else(|| CommandError::new("there is no file of flags: name one, or set `file` in [flags]"))
}

fn taken(path: &Path) -> Result<FlagSet, CommandError> {
    read(path).map_err(|error| CommandError::new(error.to_string()))
}

/// Prints what is wrong with a file, and what is hardly meant.
fn check(path: &Path) -> Result<ExitCode, CommandError> {
    let shown = path.display();
    let flags = match read(path) {
        Ok(flags) => flags,
        Err(FlagFileError::Wrong { findings, .. }) => {
            findings.0.iter().for_each(|finding| tell(&format!("{shown}: {finding}")));
            say(&format!("{} wrong; a server keeps the flags that it has", findings.0.len()));
            return Ok(ExitCode::from(2));
        }
        Err(error) => return Err(CommandError::new(error.to_string())),
    };
    flags.warnings.iter().for_each(|warning| tell(&format!("{shown}: {warning} (noted)")));
    let odd = flags.iter().filter_map(|(key, flag)| Some((flag.line, oddity(key, flag)?)));
    let odd: Vec<String> = odd.map(|(line, what)| format!("{shown}: line {line}: {what}")).collect();
    odd.iter().for_each(|line| tell(line));
    say(&format!("{} flags, {} wrong, {} noted", flags.iter().count(), odd.len(), flags.warnings.len()));
    Ok(if odd.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn list(path: &Path) -> Result<ExitCode, CommandError> {
    let flags = taken(path)?;
    let rows = flags.iter().map(|(key, flag)| {
        let default = flag.default.as_deref().and_then(|name| flag.variants.get(name));
        let by_default = default.map_or_else(|| "–".to_owned(), |value| json_of(value).to_string());
        let rule = match (flag.enabled, flag.is_targeted()) {
            (false, _) => "disabled",
            (true, true) => "by a rule",
            (true, false) => "for all",
        };
        [key.to_owned(), by_default, rule.to_owned(), effect(key)]
    });
    let rows: Vec<[String; 4]> =
        [["flag", "by default", "", "what it does"].map(str::to_owned)].into_iter().chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    for row in &rows {
        let [key, default, rule, effect] = row;
        tell(&format!("{key:0$}  {default:1$}  {rule:2$}  {effect}", widths[0], widths[1], widths[2]));
    }
    Ok(ExitCode::SUCCESS)
}

/// Whom a flag is asked for.
struct Subject {
    tenant: TenantId,
    account: Option<String>,
    country: Option<Territory>,
}

impl Subject {
    fn targeting_key(&self) -> &str {
        self.account.as_deref().unwrap_or(self.tenant.as_str())
    }

    fn fields(&self) -> Map<String, serde_json::Value> {
        let country = self.country.as_ref().map(Territory::as_str);
        let fields =
            [("tenant", Some(self.tenant.as_str())), ("account", self.account.as_deref()), ("country", country)];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect()
    }
}

fn explain(path: &Path, key: &str, subject: &Subject) -> Result<ExitCode, CommandError> {
    let flags = taken(path)?;
    let context = context(key, Some(subject.targeting_key()), subject.fields(), SystemClock.now().as_seconds());
    let Explained { resolved, splits } = flags.explain(key, &context);
    let mut lines = vec![format!("{key}: {}", effect(key))];
    match &resolved {
        Ok(Resolved { variant, value, reason }) => {
            lines.push(format!("  value     {}", json_of(value)));
            lines.push(format!("  variant   {variant}"));
            lines.push(format!("  reason    {reason}"));
        }
        Err(unresolved) => {
            lines.push(format!("  nothing   {unresolved}: whoever asks goes by what it does without a flag"))
        }
    }
    for split in &splits {
        lines.push(format!("  bucket    {} of {} (of {:?})", split.bucket, split.of, split.key));
    }
    lines.push(format!("  context   {context}"));
    if let Some(flag) = flags.get(key) {
        lines.push(format!("  defined   {}, line {}", path.display(), flag.line));
        lines.extend(oddity(key, flag).map(|odd| format!("  beware    {odd}")));
    }
    tell(&lines.join("\n"));
    Ok(if resolved.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

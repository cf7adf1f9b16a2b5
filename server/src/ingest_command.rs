//! `tessera ingest`.

use serde_json::json;
use tessera_contract_catalog::TitleDraft;
use tessera_contract_media::Protection;

use crate::{
    cli::Ingest,
    client::Site,
    error::CommandError,
    ingest::{Film, ingest},
    output::{say, tell},
};

/// Ingests the file and says where the title is.
pub(crate) async fn run(options: Ingest) -> Result<(), CommandError> {
    let site = Site::at(&options.at)?;
    let protection = if options.clear { Protection::Clear } else { Protection::Cbcs };
    let publish = !options.draft;
    let film = Film { file: &options.file, draft: draft(&options)?, protection, publish, name: &options.title };
    let title = ingest(&site, film).await?;
    if options.json {
        tell(&serde_json::to_string_pretty(&title).map_err(|e| CommandError::caused("writing the title", e))?);
    } else if publish {
        say(&format!("  Watch it at {}/titles/{}", site.url, title.title_id));
        tell(title.title_id.as_str());
    } else {
        tell(title.title_id.as_str());
    }
    if publish && !options.free && options.plan.is_empty() {
        say(
            "note: nobody may watch it yet: it is neither free nor in a plan (--free, --plan), and has no rental offer.",
        );
    }
    Ok(())
}

fn draft(options: &Ingest) -> Result<TitleDraft, CommandError> {
    let locale = options.locale.to_string();
    let mut draft = json!({
        "name": {locale.clone(): options.title}, "genres": options.genre,
        "access": {"free": options.free, "plans": options.plan},
    });
    if let Some(synopsis) = &options.synopsis {
        draft["synopsis"] = json!({locale: synopsis});
    }
    if let Some(year) = options.year {
        draft["year"] = json!(year);
    }
    serde_json::from_value(draft).map_err(|e| CommandError::caused("describing the title", e))
}

//! The demo tenant: three short films, a plan, a rental, and somebody to sign in as.
//!
//! Made step by step and remembered in `DATA/demo.json`, so that a start that was stopped half-way is taken up again.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tessera_contract_billing::{BillingManagement, CreateOffer};
use tessera_contract_catalog::TitleDraft;
use tessera_contract_media::Protection;
use tessera_contract_tenancy::{PictureUse, PutBrandPicture, TenancyError, TenancyManagement};
use tessera_identity::{IdentityService, Providers, SignUpError};
use tessera_runtime::{
    directory::{Directory, DirectoryError, NewTenant},
    edge::TenantKind,
};
use tessera_types::{Clock, SystemClock, TenantId, TitleId};

use crate::{
    cli::DemoArguments,
    client::Site,
    config::Root,
    deployment::{Deployment, open_identity},
    error::CommandError,
    films::{self, FILMS},
    ingest::{Film, ingest},
    output::say,
    settings,
    tenant::OPERATOR_SCOPES,
};

const LOGO: &str = include_str!("../assets/lumen-logo.svg");
const FAVICON: &str = include_str!("../assets/lumen-favicon.svg");

/// What there is to make.
pub(crate) struct Demo {
    pub(crate) port: u16,
    pub(crate) film_seconds: u32,
}

/// What has been made, as kept in `DATA/demo.json` (0600: it holds the demo's password and key).
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) tenant: String,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) staff_key: String,
    /// Looks after tenants; of the platform, not of the demo.
    #[serde(default)]
    pub(crate) operator_key: String,
    #[serde(default)]
    pub(crate) branded: bool,
    /// The port it was last served on.
    pub(crate) port: u16,
    /// Film name to title.
    pub(crate) titles: Vec<(String, TitleId)>,
    /// Offers that are for sale, by their plan or film.
    pub(crate) offers: Vec<String>,
}

impl Facts {
    fn path(data: &Path) -> PathBuf {
        data.join("demo.json")
    }

    /// What `DATA/demo.json` says; `None` when there is no demo here.
    pub(crate) fn read(data: &Path) -> Result<Option<Self>, CommandError> {
        let path = Self::path(data);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|e| CommandError::caused(format!("reading {}", path.display()), e)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CommandError::caused(format!("reading {}", path.display()), error)),
        }
    }

    fn write(&self, data: &Path) -> Result<(), CommandError> {
        let path = Self::path(data);
        let beside = data.join(".demo.json.new");
        let text = serde_json::to_vec_pretty(self).map_err(|e| CommandError::caused("writing the demo's facts", e))?;
        let write = || {
            let mut options = fs::OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&beside, &path)
        };
        write().map_err(|e| CommandError::caused(format!("writing {}", path.display()), e))
    }

    /// Where the demo is reached.
    pub(crate) fn url(&self) -> String {
        format!("http://{}.localhost:{}", self.tenant, self.port)
    }

    /// What a newcomer wants to know.
    pub(crate) fn welcome(&self, took: Duration) -> String {
        let url = self.url();
        format!(
            "\n  Tessera is up ({:.1} s).\n\n  Watch         {url}\n  Sign in       {} / {}\n  Test card     4242 4242 4242 \
             4242, any future date and code (4000 0000 0000 0002 is declined)\n  API           {url}/docs\n  Staff key     \
             {}\n  Operator key  {} (at http://platform.localhost:{})\n\n  Ingest        tessera ingest film.mp4 --title \"My film\" --plan basic\n  Stop          Ctrl-C\n",
            took.as_secs_f64(),
            self.email,
            self.password,
            self.staff_key,
            self.operator_key,
            self.port,
        )
    }
}

/// What the demo's first account and keys are made by, before anybody could ask for them by API.
pub(crate) struct Founder {
    pub(crate) directory: Directory,
    pub(crate) identity: Arc<IdentityService>,
}

impl Founder {
    /// Of a process that holds identity.
    pub(crate) fn of(deployment: &Deployment) -> Result<Self, CommandError> {
        let identity = deployment.modules.identity.clone();
        let identity = identity
            .ok_or_else(|| CommandError::new("the demo is made where identity is: start this with --no-demo"))?;
        Ok(Self { directory: deployment.directory.clone(), identity })
    }

    /// Beside the processes of a deployment that runs.
    async fn beside(root: &Root) -> Result<Self, CommandError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let directory = Directory::open(&root.directory_store(&root.data)?, clock.clone()).await;
        let directory = directory.map_err(|e| CommandError::caused("opening the directory of tenants", e))?;
        let store = root.store_of(&tessera_identity::MODULE, &root.data)?;
        let secrets = root.secrets(&root.data)?;
        let identity = open_identity(root, &store, &secrets, &directory, (clock, Providers::default()), None).await?;
        Ok(Self { directory, identity })
    }
}

/// Makes the demo in a deployment that runs at the configured port.
pub(crate) async fn run(config: Option<&Path>, arguments: DemoArguments) -> Result<(), CommandError> {
    let started = Instant::now();
    let root = settings::load(config, &arguments.place)?;
    let founder = Founder::beside(&root).await?;
    let demo = Demo { port: root.server.listen.port(), film_seconds: arguments.film_seconds };
    let facts = demo.ensure(&founder, &root.data).await?;
    say(&facts.welcome(started.elapsed()));
    founder.identity.store().close().await;
    founder.directory.store().close().await;
    Ok(())
}

impl Demo {
    /// Makes what is not there yet.
    pub(crate) async fn ensure(&self, founder: &Founder, data: &Path) -> Result<Facts, CommandError> {
        let mut facts = Facts::read(data)?.unwrap_or_default();
        facts.port = self.port;
        if facts.staff_key.is_empty() {
            say("Making the demo tenant.");
            found_tenant(founder, &mut facts).await?;
        }
        facts.write(data)?;
        if facts.operator_key.is_empty() {
            facts.operator_key = operator_key(founder).await?;
            facts.write(data)?;
        }
        let site = Site::new(&facts.url(), &facts.staff_key)?;
        if !facts.branded {
            brand(&site).await?;
            facts.branded = true;
            facts.write(data)?;
        }
        self.films(&site, &mut facts, data).await?;
        offers(&site, &mut facts, data).await?;
        Ok(facts)
    }

    async fn films(&self, site: &Site, facts: &mut Facts, data: &Path) -> Result<(), CommandError> {
        let missing = FILMS.iter().filter(|film| !facts.titles.iter().any(|(name, _)| name == film.name));
        let missing: Vec<_> = missing.collect();
        if missing.is_empty() {
            return Ok(());
        }
        say("Generating and ingesting three short films; this happens once.");
        let scratch = data.join("demo-films");
        fs::create_dir_all(&scratch).map_err(|e| CommandError::caused("making a folder for the films", e))?;
        for recipe in missing {
            let file = films::generate(recipe, &scratch, self.film_seconds).await?;
            let (draft, protection) = (draft(recipe.name)?, Protection::Cbcs);
            let film = Film { file: &file, draft, protection, publish: true, name: recipe.name };
            let title = ingest(site, film).await?;
            facts.titles.push((recipe.name.to_owned(), title.title_id));
            facts.write(data)?;
        }
        fs::remove_dir_all(&scratch).map_err(|e| CommandError::caused("clearing the films' folder", e))
    }
}

async fn found_tenant(founder: &Founder, facts: &mut Facts) -> Result<(), CommandError> {
    let tenant: TenantId = "demo".parse().expect("a literal tenant");
    let new = NewTenant {
        id: tenant.clone(),
        display_name: "Lumen".into(),
        kind: TenantKind::Test,
        default_locale: "en".parse().expect("a literal language tag"),
        default_territory: "DE".parse().ok(),
        hosts: Vec::new(),
    };
    match founder.directory.create(new).await {
        Ok(_) | Err(DirectoryError::TenantTaken(_)) => {}
        Err(error) => return Err(CommandError::caused("making the demo tenant", error)),
    }
    facts.tenant = tenant.to_string();
    if facts.password.is_empty() {
        facts.email = format!("viewer-{:04x}@demo.example", rand::random::<u16>());
        facts.password = passphrase();
    }
    match founder.identity.create_account(&tenant, &facts.email, &facts.password).await {
        Ok(_) | Err(SignUpError::Taken) => {}
        Err(error) => return Err(CommandError::caused("making the demo's account", error)),
    }
    let key = founder.identity.issue_api_key(&tenant, "demo staff", &["*"]).await;
    facts.staff_key = key.map_err(|e| CommandError::caused("making the demo's staff key", e))?.secret.into_exposed();
    Ok(())
}

async fn operator_key(founder: &Founder) -> Result<String, CommandError> {
    let platform = founder.directory.platform().await;
    let platform = platform.map_err(|e| CommandError::caused("entering the platform into the directory", e))?;
    let key = founder.identity.issue_api_key(&platform.id, "demo operator", OPERATOR_SCOPES).await;
    Ok(key.map_err(|e| CommandError::caused("making the operator's key", e))?.secret.into_exposed())
}

/// The demo's own look, by API as any tenant's.
async fn brand(site: &Site) -> Result<(), CommandError> {
    let failed = |error: TenancyError| CommandError::caused("giving the demo its brand", error);
    let brand = json!({
        "name": "Lumen",
        "colours": {"background": "#0c0a12", "text": "#faf6ef", "accent": "#ffab2e"},
        "support_email": "help@lumen.example",
        "terms_url": "https://lumen.example/terms",
        "privacy_url": "https://lumen.example/privacy",
    });
    let brand = serde_json::from_value(brand).map_err(|e| CommandError::caused("describing the demo's brand", e))?;
    let management = site.contract::<dyn TenancyManagement>();
    management.put_brand(&site.cx(), brand).await.map_err(failed)?;
    for (picture, file) in [(PictureUse::Logo, LOGO), (PictureUse::Favicon, FAVICON)] {
        let request = PutBrandPicture { picture, data: BASE64_STANDARD.encode(file) };
        management.put_brand_picture(&site.cx(), request).await.map_err(failed)?;
    }
    Ok(())
}

/// Something random that can be typed.
fn passphrase() -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let letters: Vec<u8> = (0..15).map(|_| LETTERS[usize::from(rand::random::<u8>()) % LETTERS.len()]).collect();
    let groups: Vec<&str> = letters.chunks(5).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join("-")
}

/// The title of a film: the first for subscribers, the second for rent, the third for free.
fn draft(name: &str) -> Result<TitleDraft, CommandError> {
    let (synopsis, synopsis_de, genres, access, rating) = match name {
        "Seahorse Valley" => (
            "A descent without end into the boundary of the Mandelbrot set, where every curl holds the whole again.",
            "Eine Reise ohne Ende in den Rand der Mandelbrot-Menge, wo jede Windung wieder das Ganze enthält.",
            json!(["documentary", "science"]),
            json!({"plans": ["basic"]}),
            json!({"system": "FSK", "label": "0", "minimum_age": 0}),
        ),
        "Northern Lights" => (
            "One night under a sky of green and violet. Nothing happens, slowly, and it is enough.",
            "Eine Nacht unter grünem und violettem Himmel. Nichts geschieht, langsam, und es genügt.",
            json!(["nature", "relaxation"]),
            json!({}),
            json!({"system": "FSK", "label": "6", "minimum_age": 6}),
        ),
        _ => (
            "Ten thousand cells, three rules and one season. A drama of birth, crowding and decline.",
            "Zehntausend Zellen, drei Regeln und eine Jahreszeit. Ein Drama von Geburt, Enge und Niedergang.",
            json!(["drama", "science"]),
            json!({"free": true}),
            json!({"system": "FSK", "label": "0", "minimum_age": 0}),
        ),
    };
    let draft = json!({
        "name": {"en": name}, "synopsis": {"en": synopsis, "de": synopsis_de}, "genres": genres, "year": 2026,
        "rating": rating, "access": access,
    });
    serde_json::from_value(draft).map_err(|e| CommandError::caused("describing a film", e))
}

async fn offers(site: &Site, facts: &mut Facts, data: &Path) -> Result<(), CommandError> {
    let rental = facts.titles.iter().find(|(name, _)| name == "Northern Lights").map(|(_, id)| id.clone());
    let wanted = [
        (
            "basic",
            json!({
                "name": {"en": "Basic", "de": "Basis"},
                "description": {"en": "Everything in the plan, on two screens at once. Cancel whenever you like."},
                "terms": {"kind": "subscription", "plan": "basic"},
                "price": {"amount_minor": 799, "currency": "EUR"}, "max_streams": 2,
            }),
        ),
        (
            "Northern Lights",
            json!({
                "name": {"en": "Rent for 48 hours", "de": "48 Stunden leihen"},
                "terms": {"kind": "rental", "title_id": rental, "hours": 48},
                "price": {"amount_minor": 399, "currency": "EUR"}, "max_streams": 1,
            }),
        ),
    ];
    let billing = site.contract::<dyn BillingManagement>();
    for (name, offer) in wanted {
        if facts.offers.iter().any(|made| made == name) {
            continue;
        }
        let offer: CreateOffer =
            serde_json::from_value(offer).map_err(|e| CommandError::caused("describing an offer", e))?;
        // The key is the offer's name: a start that was stopped between the two lines makes no second offer.
        let cx = site.cx().with_idempotency_key(format!("demo-offer-{}", name.replace(' ', "-")));
        billing.create_offer(&cx, offer).await.map_err(|e| CommandError::caused("putting an offer up for sale", e))?;
        facts.offers.push(name.to_owned());
        facts.write(data)?;
    }
    Ok(())
}

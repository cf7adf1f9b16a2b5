//! Offers.

use tessera_contract::Failure;
use tessera_contract_billing::{Offer, OfferTerms};
use tessera_store::{Reader, Tx, params};
use tessera_types::{Localized, OfferId, TitleId};

use super::{corrupt, count, money, parsed};
use crate::offer::is_plan;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select offer_id, name, description, kind, plan, title_id, hours, amount_minor, currency, max_streams, \
             archived, version from offers where tenant = $1 ",
            $rest
        )
    };
}

const INSERT: &str = "insert into offers (tenant, offer_id, name, description, kind, plan, title_id, hours, \
    amount_minor, currency, max_streams, archived, version) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
const BY_ID: &str = select!("and offer_id = $2");
/// `$4` is `,plan,plan,`: a stored plan has no character that `like` would take for a pattern.
const LIST: &str = select!(
    "and not archived and ($2 is null or offer_id > $2) and (($3 is null and $4 is null) \
     or ($3 is not null and kind = 'rental' and (title_id is null or title_id = $3)) \
     or ($4 is not null and kind = 'subscription' and $4 like '%,' || plan || ',%')) order by offer_id limit $5"
);
const ARCHIVE: &str = "update offers set archived = true, version = version + 1 \
    where tenant = $1 and offer_id = $2 and not archived";

#[derive(serde::Deserialize)]
struct OfferRow {
    offer_id: String,
    name: String,
    description: String,
    kind: String,
    plan: Option<String>,
    title_id: Option<String>,
    hours: Option<i64>,
    amount_minor: i64,
    currency: String,
    max_streams: i64,
    archived: bool,
    version: i64,
}

impl TryFrom<OfferRow> for Offer {
    type Error = Failure;
    fn try_from(row: OfferRow) -> Result<Self, Failure> {
        let terms = match (row.kind.as_str(), row.plan, row.hours) {
            ("subscription", Some(plan), _) => OfferTerms::Subscription { plan },
            ("rental", _, Some(hours)) => {
                let title_id = row.title_id.map(|id| parsed(&id, "an offer's title")).transpose()?;
                OfferTerms::Rental { title_id, hours: count(hours)? }
            }
            (kind, ..) => return Err(corrupt(format!("an offer's terms of kind {kind}"))),
        };
        Ok(Self {
            offer_id: parsed(&row.offer_id, "an offer's id")?,
            name: texts(&row.name)?,
            description: texts(&row.description)?,
            terms,
            price: money(row.amount_minor, &row.currency)?,
            max_streams: count(row.max_streams)?,
            archived: row.archived,
            version: row.version,
        })
    }
}

fn texts(json: &str) -> Result<Localized, Failure> {
    serde_json::from_str(json).map_err(|e| Failure::internal("reading an offer's texts", e))
}

fn json(texts: &Localized) -> Result<String, Failure> {
    serde_json::to_string(texts).map_err(|e| Failure::internal("writing an offer's texts", e))
}

/// Adds an offer.
pub(crate) async fn insert_offer(tx: &mut Tx, offer: &Offer) -> Result<(), Failure> {
    let (kind, plan, title, hours) = match &offer.terms {
        OfferTerms::Subscription { plan } => ("subscription", Some(plan.clone()), None, None),
        OfferTerms::Rental { title_id, hours } => ("rental", None, title_id.clone(), Some(*hours)),
        OfferTerms::Unknown => return Err(corrupt("an offer of unknown terms is not stored".into())),
    };
    let (price, streams) = (&offer.price, offer.max_streams);
    let values = params![
        &offer.offer_id,
        json(&offer.name)?,
        json(&offer.description)?,
        kind,
        plan,
        title,
        hours.map(i64::from),
        price.amount_minor,
        &price.currency,
        streams,
        offer.archived,
        offer.version
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// Takes an offer off sale, if it is on.
pub(crate) async fn archive_offer(tx: &mut Tx, id: &OfferId) -> Result<(), Failure> {
    tx.execute(ARCHIVE, params![id]).await.map(drop)
}

/// The offer, for a write that depends on it.
pub(crate) async fn offer_in(tx: &mut Tx, id: &OfferId) -> Result<Option<Offer>, Failure> {
    let row: Option<OfferRow> = tx.optional(BY_ID, params![id]).await?;
    row.map(Offer::try_from).transpose()
}

/// Which offers.
pub(crate) struct OfferFilter {
    /// Those after this one.
    pub(crate) after: Option<OfferId>,
    /// Rentals of this title or of any.
    pub(crate) title: Option<TitleId>,
    /// Subscriptions to one of these plans.
    pub(crate) plans: Vec<String>,
    /// At most so many.
    pub(crate) limit: u32,
}

/// What is for sale. With both filters, offers that pass either: all that opens a title.
pub(crate) async fn offers(reader: &Reader, filter: OfferFilter) -> Result<Vec<Offer>, Failure> {
    let OfferFilter { after, title, plans, limit } = filter;
    let asked = !plans.is_empty();
    let known: Vec<String> = plans.into_iter().filter(|plan| is_plan(plan)).collect();
    let plans = asked.then(|| format!(",{},", known.join(",")));
    let rows: Vec<OfferRow> = reader.all(LIST, params![after, title, plans, limit]).await?;
    rows.into_iter().map(Offer::try_from).collect()
}

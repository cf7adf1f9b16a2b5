//! What may be put up for sale, and what a buyer gets of it.

use tessera_contract::Failure;
use tessera_contract_billing::{CreateOffer, Offer, OfferTerms};
use tessera_types::{Localized, TitleId};

const NAME_MAX: usize = 200;
const DESCRIPTION_MAX: usize = 1000;
const LANGUAGES_MAX: usize = 50;
/// A year.
const HOURS_MAX: u32 = 8784;
/// Far above any price in any currency, far below where sums would overflow.
const PRICE_MAX: i64 = 1_000_000_000_000;

/// Whether `request` can be an offer. Errors are `invalid_request` with the field.
pub(crate) fn check(request: &CreateOffer) -> Result<(), Failure> {
    texts("name", &request.name, NAME_MAX)?;
    texts("description", &request.description, DESCRIPTION_MAX)?;
    if request.name.0.is_empty() {
        return Err(Failure::invalid("name", "an offer has a name in at least one language"));
    }
    if !(1..=PRICE_MAX).contains(&request.price.amount_minor) {
        let detail = format!("a price is 1 to {PRICE_MAX} of the currency's minor unit, got {}", request.price);
        return Err(Failure::invalid("price", detail));
    }
    if !(1..=100).contains(&request.max_streams) {
        return Err(Failure::invalid("max_streams", format!("max_streams is 1 to 100, got {}", request.max_streams)));
    }
    match &request.terms {
        OfferTerms::Subscription { plan } if !is_plan(plan) => {
            let detail = format!("a plan is 1 to 40 lower-case letters, digits and hyphens, got {plan:?}");
            Err(Failure::invalid("terms.plan", detail))
        }
        OfferTerms::Rental { hours, .. } if !(1..=HOURS_MAX).contains(hours) => {
            Err(Failure::invalid("terms.hours", format!("a rental is for 1 to {HOURS_MAX} hours, got {hours}")))
        }
        OfferTerms::Subscription { .. } | OfferTerms::Rental { .. } => Ok(()),
        OfferTerms::Unknown => Err(Failure::invalid("terms.kind", "terms are of kind subscription or rental")),
    }
}

/// Whether `text` can be a plan's name.
pub(crate) fn is_plan(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn texts(field: &str, texts: &Localized, max: usize) -> Result<(), Failure> {
    if texts.0.len() > LANGUAGES_MAX {
        return Err(Failure::invalid(field, format!("{field} has at most {LANGUAGES_MAX} languages")));
    }
    for (locale, text) in &texts.0 {
        if text.trim().is_empty() || text.chars().count() > max || text.chars().any(char::is_control) {
            let detail = format!("{field} in {locale} is 1 to {max} characters, none of them a control character");
            return Err(Failure::invalid(field, detail));
        }
    }
    Ok(())
}

/// What a buyer gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Goods {
    /// A plan, month after month.
    Plan(String),
    /// A title for some hours.
    Title(TitleId, u32),
}

impl Goods {
    /// Names the thing: an account has each thing once, whichever offer it came from.
    pub(crate) fn thing(&self) -> String {
        match self {
            Goods::Plan(plan) => plan_thing(plan),
            Goods::Title(title, _) => format!("title:{title}"),
        }
    }

    /// The title, where it is one.
    pub(crate) fn title(&self) -> Option<&TitleId> {
        match self {
            Goods::Plan(_) => None,
            Goods::Title(title, _) => Some(title),
        }
    }
}

/// Names a plan among the things an account can have.
pub(crate) fn plan_thing(plan: &str) -> String {
    format!("plan:{plan}")
}

/// What `offer` is to a buyer who names `title`. Errors are `invalid_request`: a title is missing, or is another.
pub(crate) fn goods(offer: &Offer, title: Option<TitleId>) -> Result<Goods, Failure> {
    match (&offer.terms, title) {
        (OfferTerms::Subscription { plan }, None) => Ok(Goods::Plan(plan.clone())),
        (OfferTerms::Subscription { .. }, Some(_)) => {
            Err(Failure::invalid("title_id", "a subscription is not for one title: leave title_id out"))
        }
        (OfferTerms::Rental { title_id: Some(its), hours }, named)
            if named.as_ref().is_none_or(|named| named == its) =>
        {
            Ok(Goods::Title(its.clone(), *hours))
        }
        (OfferTerms::Rental { title_id: Some(its), .. }, _) => {
            Err(Failure::invalid("title_id", format!("this offer is for title {its} alone")))
        }
        (OfferTerms::Rental { title_id: None, hours }, Some(named)) => Ok(Goods::Title(named, *hours)),
        (OfferTerms::Rental { title_id: None, .. }, None) => {
            Err(Failure::invalid("title_id", "this offer is for any title: say which in title_id"))
        }
        (OfferTerms::Unknown, _) => {
            let detail = "the offer's terms are of a newer version of this program";
            Err(Failure::new(tessera_contract::FailureKind::Internal, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use tessera_types::Money;

    use super::*;

    fn rental(title: Option<&str>) -> CreateOffer {
        CreateOffer {
            name: Localized([("en".parse().unwrap(), "48 hours".into())].into()),
            description: Localized::default(),
            terms: OfferTerms::Rental { title_id: title.map(|t| t.parse().unwrap()), hours: 48 },
            price: Money::new(399, "EUR".parse().unwrap()),
            max_streams: 2,
        }
    }

    fn offer(terms: OfferTerms) -> Offer {
        let CreateOffer { name, description, price, max_streams, .. } = rental(None);
        let offer_id = "off_1".parse().unwrap();
        Offer { offer_id, name, description, terms, price, max_streams, archived: false, version: 1 }
    }

    #[test]
    fn a_field_out_of_bounds_is_named() {
        assert!(check(&rental(None)).is_ok());
        let plan = |plan: &str| OfferTerms::Subscription { plan: plan.into() };
        for (field, bad) in [
            ("name", CreateOffer { name: Localized::default(), ..rental(None) }),
            ("price", CreateOffer { price: Money::new(0, "EUR".parse().unwrap()), ..rental(None) }),
            ("price", CreateOffer { price: Money::new(-1, "EUR".parse().unwrap()), ..rental(None) }),
            ("price", CreateOffer { price: Money::new(i64::MAX, "EUR".parse().unwrap()), ..rental(None) }),
            ("max_streams", CreateOffer { max_streams: 0, ..rental(None) }),
            ("max_streams", CreateOffer { max_streams: 101, ..rental(None) }),
            ("terms.plan", CreateOffer { terms: plan("50%"), ..rental(None) }),
            ("terms.hours", CreateOffer { terms: OfferTerms::Rental { title_id: None, hours: 0 }, ..rental(None) }),
            ("terms.kind", CreateOffer { terms: OfferTerms::Unknown, ..rental(None) }),
        ] {
            assert_eq!(check(&bad).unwrap_err().param.as_deref(), Some(field), "{bad:?}");
        }
    }

    #[test]
    fn a_buyer_gets_the_title_of_the_offer_or_the_one_they_name() {
        let title = |id: &str| -> TitleId { id.parse().unwrap() };
        let of_one = offer(rental(Some("ttl_1")).terms);
        let of_any = offer(rental(None).terms);
        let of_plan = offer(OfferTerms::Subscription { plan: "basic".into() });
        let one = Goods::Title(title("ttl_1"), 48);
        assert_eq!(goods(&of_one, None).unwrap(), one);
        assert_eq!(goods(&of_one, Some(title("ttl_1"))).unwrap(), one);
        assert_eq!(goods(&of_any, Some(title("ttl_1"))).unwrap(), one);
        assert_eq!(goods(&of_plan, None).unwrap(), Goods::Plan("basic".into()));
        for (offer, named) in [(&of_one, Some("ttl_2")), (&of_any, None), (&of_plan, Some("ttl_1"))] {
            let refusal = goods(offer, named.map(title)).unwrap_err();
            assert_eq!(refusal.param.as_deref(), Some("title_id"), "{offer:?} {named:?}");
        }
    }
}

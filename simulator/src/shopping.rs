//! What viewers and staff do at billing, and what the answers must be.

use tessera_contract::ContractError;
use tessera_contract_billing::{
    AccountState, ArchiveOffer, BillingError, CancelSubscription, Checkout, CheckoutState, CreateCheckout, GetAccount,
    GetCheckout, ListOffers, Subscription, SubscriptionState,
};

use crate::{
    Broken,
    book::{Intent, Known, Who, owns},
    broken::{MONEY, NO_SURPRISE, NOT_TWICE, ONCE, hold},
    cast::{ACCOUNTS, DECLINES, GONE, GOOD, PLANS, RUNS_OUT, TENANTS, TITLES},
    sim::{Landed, Reply, Sim, Work},
};

/// How things stood when a request was made.
pub(crate) struct Before {
    /// The key had not been used.
    fresh: bool,
    /// The offer is no longer for sale.
    archived: bool,
    /// The account has the thing.
    owned: bool,
    /// Another checkout for it is pending.
    blocked: bool,
    /// Another charge for it may be open.
    open: bool,
    known: Known,
}

fn who(sim: &mut Sim) -> Who {
    (sim.dice.below(TENANTS.len()), sim.dice.below(ACCOUNTS.len()))
}

/// A new wish.
pub(crate) async fn buy(sim: &mut Sim) -> Result<String, Broken> {
    let who = who(sim);
    let offer = sim.dice.below(5);
    let title = (offer == 4).then(|| sim.dice.below(TITLES.len()));
    let token = sim.dice.weighted(&[(12, GOOD), (2, DECLINES), (3, RUNS_OUT), (1, GONE)]);
    let key = format!("key-{}", sim.book.intents.len());
    let (known, unsure) = (Known::Nothing, false);
    sim.book.intents.push(Intent { who, key, offer, title, token, checkout_id: None, known, unsure });
    let number = sim.book.intents.len() - 1;
    let told = order(sim, number, true).await?;
    Ok(format!("intent {number} of {who:?}, offer {offer} title {title:?} {token}: {told}"))
}

/// The same request under the same key, once more.
pub(crate) async fn repeat(sim: &mut Sim) -> Result<String, Broken> {
    if sim.book.intents.is_empty() {
        return Ok("there is none".into());
    }
    let number = sim.dice.below(sim.book.intents.len());
    let told = order(sim, number, false).await?;
    Ok(format!("intent {number}: {told}"))
}

pub(crate) async fn order(sim: &mut Sim, number: usize, fresh: bool) -> Result<String, Broken> {
    let before = before(sim, number, fresh).await?;
    let intent = &mut sim.book.intents[number];
    intent.unsure = true;
    let (tenant, account) = intent.who;
    let request = CreateCheckout {
        offer_id: sim.world.offers[tenant][intent.offer].offer_id.clone(),
        title_id: intent.title.map(|title| TITLES[title].parse().expect("a title's id")),
        payment_token: intent.token.into(),
    };
    let cx = sim.world.viewer(tenant, account).with_idempotency_key(intent.key.as_str());
    let shop = sim.world.services.shop.clone();
    let flight = async move { Landed::Checkout(shop.create_checkout(&cx, request).await) };
    sim.fly(Work::Checkout(number, before), flight).await
}

async fn before(sim: &mut Sim, number: usize, fresh: bool) -> Result<Before, Broken> {
    let intent = sim.book.intents[number].clone();
    let (tenant, _) = intent.who;
    let state = account(sim, intent.who).await?;
    let owned = owns(&state, intent.thing(), sim.world.business_now(tenant));
    let archived = sim.book.archived.contains(&(tenant, intent.offer));
    let rivals: Vec<usize> = (0..sim.book.intents.len())
        .filter(|other| *other != number)
        .filter(|other| {
            sim.book.intents[*other].who == intent.who && sim.book.intents[*other].thing() == intent.thing()
        })
        .collect();
    let mut blocked = false;
    for other in &rivals {
        if sim.book.intents[*other].checkout_id.is_some() {
            blocked |= see(sim, *other).await? == CheckoutState::Pending;
        }
    }
    let renewing = state.subscriptions.iter().any(|one| intent.thing() == plan_of(&one.plan));
    let open = renewing || rivals.iter().any(|other| sim.book.intents[*other].is_open());
    Ok(Before { fresh, archived, owned, blocked, open, known: intent.known })
}

fn plan_of(plan: &str) -> crate::book::Thing {
    crate::book::Thing::Plan(PLANS.iter().position(|one| *one == plan).unwrap_or(PLANS.len()))
}

/// What the account has.
pub(crate) async fn account(sim: &mut Sim, (tenant, account): Who) -> Result<AccountState, Broken> {
    let cx = sim.world.viewer(tenant, account);
    let answer = sim.world.services.shop.get_account(&cx, GetAccount {}).await;
    answer.map_err(|e| Broken::new(NO_SURPRISE, "an account is read", e.to_string()))
}

/// An answer to a checkout, the first one or a repeated one.
pub(crate) fn heard(
    sim: &mut Sim,
    number: usize,
    before: &Before,
    answer: Result<Checkout, BillingError>,
) -> Result<String, Broken> {
    match sim.judge(answer)? {
        Reply::Unheard => Ok("no answer".into()),
        Reply::Said(checkout) => {
            admitted(before, &checkout.state)?;
            accepted(sim, number, before, &checkout)?;
            Ok(format!("{:?}", checkout.state))
        }
        Reply::Refused(error) => {
            refused(sim, number, before, &error)?;
            Ok(error.code().to_owned())
        }
    }
}

/// A first request that got through to the gateway was one that may be charged.
fn admitted(before: &Before, state: &dyn std::fmt::Debug) -> Result<(), Broken> {
    let Before { fresh, archived, owned, blocked, .. } = before;
    let may = !(*fresh && (*archived || *owned || *blocked));
    let expected = format!("a refusal: archived {archived}, owned {owned}, pending elsewhere {blocked}");
    hold!(may, NOT_TWICE, expected, "{state:?}");
    Ok(())
}

fn accepted(sim: &mut Sim, number: usize, before: &Before, checkout: &Checkout) -> Result<(), Broken> {
    let intent = sim.book.intents[number].clone();
    let (tenant, _) = intent.who;
    let offer = &sim.world.offers[tenant][intent.offer];
    let same = checkout.offer_id == offer.offer_id && checkout.amount == offer.price;
    hold!(same, MONEY, format!("offer {} for {}", offer.offer_id, offer.price), "{checkout:?}");
    if let Some(first) = &intent.checkout_id {
        hold!(checkout.checkout_id == *first, ONCE, format!("{first} for {}", intent.key), "{}", checkout.checkout_id);
    }
    let another = |other: &Intent| other.who.0 == tenant && other.checkout_id.as_ref() == Some(&checkout.checkout_id);
    let others = sim.book.intents.iter().enumerate().any(|(at, other)| at != number && another(other));
    hold!(!others, ONCE, "a checkout of its own for each key", "{} for two keys", checkout.checkout_id);
    if checkout.state == CheckoutState::Pending {
        hold!(!before.known.is_final(), ONCE, format!("{:?} for ever", before.known), "pending");
    }
    sim.book.intents[number].checkout_id = Some(checkout.checkout_id.clone());
    note(sim, number, checkout.state)
}

fn refused(sim: &mut Sim, number: usize, before: &Before, error: &BillingError) -> Result<(), Broken> {
    let intent = &mut sim.book.intents[number];
    let unbegun = intent.checkout_id.is_none();
    let justified = match error {
        BillingError::CardDeclined(_) | BillingError::PaymentTokenInvalid(_) => {
            admitted(before, &error.code())?;
            return note(sim, number, CheckoutState::Declined);
        }
        BillingError::AlreadyOwned(_) => unbegun && before.owned && !before.archived,
        BillingError::ChargePending(_) => unbegun && before.open && !before.archived,
        BillingError::OfferNotFound(_) => unbegun && before.archived,
        _ => false,
    };
    let stood =
        format!("owned {}, open {}, archived {}, begun {}", before.owned, before.open, before.archived, !unbegun);
    hold!(justified, ONCE, stood, "{}: {error}", error.code());
    // Nothing was begun under the key, now or before.
    intent.unsure = false;
    Ok(())
}

/// A checkout's state was told: it is true at the gateway, and final once it is final.
fn note(sim: &mut Sim, number: usize, state: CheckoutState) -> Result<(), Broken> {
    let captured = sim.world.gateway.captured();
    let intent = &mut sim.book.intents[number];
    let taken = intent.checkout_id.as_ref().and_then(|id| captured.get(&(TENANTS[intent.who.0].into(), id.clone())));
    let known = match state {
        CheckoutState::Succeeded => Known::Succeeded,
        CheckoutState::Declined => Known::Declined,
        CheckoutState::Pending | CheckoutState::Unknown if intent.known.is_final() => intent.known,
        CheckoutState::Pending | CheckoutState::Unknown => Known::Pending,
    };
    let price = sim.world.offers[intent.who.0][intent.offer].price.clone();
    match known {
        Known::Succeeded => hold!(taken == Some(&price), MONEY, format!("{price} taken"), "{taken:?} for {intent:?}"),
        Known::Declined => hold!(taken.is_none(), MONEY, "no money taken", "{taken:?} for {intent:?}"),
        Known::Nothing | Known::Pending => {}
    }
    let steady = !intent.known.is_final() || intent.known == known;
    hold!(steady, ONCE, format!("{:?} for ever", intent.known), "{known:?} for {intent:?}");
    intent.known = known;
    intent.unsure = false;
    Ok(())
}

/// The same key with another request.
pub(crate) async fn other_request(sim: &mut Sim) -> Result<String, Broken> {
    let begun: Vec<usize> =
        (0..sim.book.intents.len()).filter(|at| sim.book.intents[*at].checkout_id.is_some()).collect();
    if begun.is_empty() {
        return Ok("there is none".into());
    }
    let intent = sim.book.intents[*sim.dice.pick(&begun)].clone();
    let (tenant, account) = intent.who;
    let other = &sim.world.offers[tenant][(intent.offer + 1) % 3];
    let request =
        CreateCheckout { offer_id: other.offer_id.clone(), title_id: None, payment_token: intent.token.into() };
    let cx = sim.world.viewer(tenant, account).with_idempotency_key(intent.key.as_str());
    let answer = sim.world.services.shop.create_checkout(&cx, request).await;
    match sim.judge(answer)? {
        Reply::Unheard => Ok("no answer".into()),
        Reply::Refused(error) if error.code() == "idempotency_conflict" => Ok("a conflict".into()),
        Reply::Refused(error) => Err(Broken::new(ONCE, "a conflict", error.to_string())),
        Reply::Said(checkout) => Err(Broken::new(ONCE, "a conflict", format!("{checkout:?}"))),
    }
}

/// Asks after a checkout, and as somebody else.
pub(crate) async fn look(sim: &mut Sim) -> Result<String, Broken> {
    let begun: Vec<usize> =
        (0..sim.book.intents.len()).filter(|at| sim.book.intents[*at].checkout_id.is_some()).collect();
    if begun.is_empty() {
        return Ok("there is none".into());
    }
    let number = *sim.dice.pick(&begun);
    let ((tenant, account), id) = (sim.book.intents[number].who, sim.book.intents[number].checkout_id.clone());
    for stranger in [sim.world.viewer(tenant, 1 - account), sim.world.viewer(1 - tenant, account)] {
        let request = GetCheckout { checkout_id: id.clone().unwrap_or_default() };
        let answer = sim.world.services.shop.get_checkout(&stranger, request).await;
        let hidden = matches!(&answer, Err(BillingError::CheckoutNotFound(_)));
        hold!(hidden, ONCE, "a checkout is its own account's and tenant's", "{answer:?}");
    }
    let state = see(sim, number).await?;
    Ok(format!("intent {number} is {state:?}"))
}

/// Reads an intent's checkout, whose id is known.
pub(crate) async fn see(sim: &mut Sim, number: usize) -> Result<CheckoutState, Broken> {
    let Intent { who: (tenant, account), checkout_id, known, .. } = sim.book.intents[number].clone();
    let request = GetCheckout { checkout_id: checkout_id.unwrap_or_default() };
    let cx = sim.world.viewer(tenant, account);
    let answer = sim.world.services.shop.get_checkout(&cx, request).await;
    let checkout = answer.map_err(|e| Broken::new(ONCE, "an acknowledged checkout is there", e.to_string()))?;
    if checkout.state == CheckoutState::Pending {
        hold!(!known.is_final(), ONCE, format!("{known:?} for ever"), "pending");
    }
    note(sim, number, checkout.state)?;
    Ok(checkout.state)
}

/// Cancels some subscription: rather one whose renewal is due, or under way.
pub(crate) async fn cancel(sim: &mut Sim) -> Result<String, Broken> {
    let mut all = Vec::new();
    for tenant in 0..TENANTS.len() {
        for account_number in 0..ACCOUNTS.len() {
            let who = (tenant, account_number);
            all.extend(account(sim, who).await?.subscriptions.into_iter().map(|one| (who, one)));
        }
    }
    let due = |sim: &Sim, (who, one): &(Who, Subscription)| one.period_ends_at <= sim.world.business_now(who.0);
    if all.iter().any(|one| due(sim, one)) && sim.dice.percent(75) {
        all.retain(|one| due(sim, one));
    }
    if all.is_empty() {
        return Ok("there is none".into());
    }
    let (who, mine) = all.swap_remove(sim.dice.below(all.len()));
    let request = CancelSubscription { subscription_id: mine.subscription_id.clone() };
    let cx = sim.world.viewer(who.0, who.1);
    let answer = sim.world.services.shop.cancel_subscription(&cx, request).await;
    match sim.judge(answer)? {
        Reply::Unheard => Ok("no answer".into()),
        Reply::Said(now) => {
            let canceled = now.state == SubscriptionState::Canceled && mine.state != SubscriptionState::Incomplete;
            hold!(canceled, ONCE, "a subscription that began, canceled", "{now:?} of {mine:?}");
            let (id, step) = (now.subscription_id.to_string(), sim.step);
            sim.book.canceled.entry((who.0, id)).or_insert(step);
            Ok(format!("of {who:?}, {}: canceled", mine.plan))
        }
        Reply::Refused(error) => {
            let waits = error.code() == "charge_pending" && mine.state == SubscriptionState::Incomplete;
            hold!(waits, ONCE, format!("canceled: {mine:?}"), "{error}");
            Ok("its first charge is pending".into())
        }
    }
}

/// Takes some offer off sale.
pub(crate) async fn archive(sim: &mut Sim) -> Result<String, Broken> {
    let (tenant, number) = (sim.dice.below(TENANTS.len()), sim.dice.below(5));
    let offer_id = sim.world.offers[tenant][number].offer_id.clone();
    let cx = sim.world.staff(tenant);
    let answer = sim.world.services.desk.archive_offer(&cx, ArchiveOffer { offer_id: offer_id.clone() }).await;
    let said = matches!(sim.judge(answer)?, Reply::Said(_));
    let listed = sim.world.services.shop.list_offers(&cx, ListOffers { limit: Some(100), ..Default::default() }).await;
    let listed = listed.map_err(|e| Broken::new(NO_SURPRISE, "offers are listed", e.to_string()))?;
    let gone = listed.data.iter().all(|offer| offer.offer_id != offer_id);
    hold!(gone || !said, NOT_TWICE, "an archived offer is not listed", "{listed:?}");
    if gone && !sim.book.archived.contains(&(tenant, number)) {
        sim.book.archived.push((tenant, number));
    }
    Ok(format!("offer {number} of {tenant}: {}", if gone { "off sale" } else { "not yet" }))
}

//! The contract, on the store.

use tessera_contract::{Cx, Failure, FailureKind, async_trait};
use tessera_contract_payment_gateway::{
    CardVault, Charge, CreateCharge, CreateToken, GatewayError, GetCharge, PaymentGateway, PaymentToken,
};
use tessera_store::{Store, Tx};

use crate::{
    card,
    charge::{self, StoredCharge},
    config::SandboxGatewayConfig,
    store,
};

/// The sandbox gateway.
pub struct SandboxGateway {
    config: SandboxGatewayConfig,
    store: Store,
}

/// What a caller hears of a charge.
enum Reply {
    Charge(StoredCharge),
    /// Nothing: a test card that times out.
    Silence,
}

impl SandboxGateway {
    pub(crate) fn new(config: SandboxGatewayConfig, store: Store) -> Self {
        Self { config, store }
    }

    /// Its store: for readiness and upkeep.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

/// The charge of a key, made now if there is none.
async fn charge_once(
    tx: &mut Tx,
    config: &SandboxGatewayConfig,
    reference: &str,
    request: &CreateCharge,
) -> Result<Reply, GatewayError> {
    if let Some(charge) = store::charge_in(tx, reference).await? {
        return match charge.is_for(request) {
            true => Ok(Reply::Charge(charge)),
            false => Err(other_charge(reference).into()),
        };
    }
    let token = store::token(tx, &request.payment_token).await?.ok_or_else(token_not_found)?;
    let now = tx.now();
    let business_now = tx.cx().map_or(now, |cx| cx.business_now);
    let plan = charge::plan(&token, business_now, now, config);
    let made = StoredCharge {
        reference: reference.to_owned(),
        token: request.payment_token.clone(),
        amount: request.amount.clone(),
        statement: request.statement.clone(),
        decline_code: plan.decline_code.map(str::to_owned),
        settles_at: plan.settles_at,
        created_at: now,
    };
    if plan.kept {
        store::add_charge(tx, &made).await?;
    }
    Ok(if plan.answered { Reply::Charge(made) } else { Reply::Silence })
}

fn token_not_found() -> GatewayError {
    GatewayError::TokenNotFound("the payment token is not known here: make one with POST /v1/tokens".into())
}

fn other_charge(reference: &str) -> Failure {
    let detail = format!("the key {reference:?} names a charge of another token, amount or statement: use a new key");
    Failure::new(FailureKind::IdempotencyConflict, detail)
}

#[async_trait]
impl PaymentGateway for SandboxGateway {
    async fn create_charge(&self, cx: &Cx, request: CreateCharge) -> Result<Charge, GatewayError> {
        let missing = || Failure::new(FailureKind::IdempotencyKeyRequired, "a charge is named by its Idempotency-Key");
        let reference = cx.idempotency_key.as_deref().ok_or_else(missing)?.to_owned();
        charge::check(&request)?;
        if !charge::is_name(&request.payment_token) {
            return Err(token_not_found());
        }
        let input = (self.config.clone(), reference, request);
        let write = self
            .store
            .write(cx, input, |tx, (config, reference, request)| Box::pin(charge_once(tx, config, reference, request)));
        match write.await? {
            Reply::Charge(charge) => Ok(charge.at(self.store.now())),
            Reply::Silence => {
                tokio::time::sleep(self.config.answer_timeout()).await;
                let detail = "the sandbox gateway did not answer in time, as this test card asks for";
                Err(Failure::new(FailureKind::DeadlineExceeded, detail).into())
            }
        }
    }

    async fn get_charge(&self, cx: &Cx, request: GetCharge) -> Result<Charge, GatewayError> {
        let charge = match charge::is_name(&request.reference) {
            true => store::charge(&self.store.tenant(cx), &request.reference).await?,
            false => None,
        };
        let not_found = || GatewayError::ChargeNotFound(format!("no charge was made with key {:?}", request.reference));
        Ok(charge.ok_or_else(not_found)?.at(self.store.now()))
    }
}

#[async_trait]
impl CardVault for SandboxGateway {
    async fn create_token(&self, cx: &Cx, request: CreateToken) -> Result<PaymentToken, GatewayError> {
        let card = card::check(&request, cx.business_now)?;
        let (brand, last4) = (card.brand.to_owned(), card.last4.clone());
        // 128 random bits: whoever does not have it cannot guess it.
        let payment_token = format!("tok_{:032x}", rand::random::<u128>());
        let input = (payment_token.clone(), card);
        let write = self.store.write(cx, input, |tx, (token, card)| {
            Box::pin(async move { store::add_token(tx, token, card).await.map_err(GatewayError::from) })
        });
        write.await?;
        Ok(PaymentToken { payment_token: payment_token.into(), brand, last4 })
    }
}

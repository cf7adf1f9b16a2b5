//! The payment gateway contract: the port to whoever moves the money.
//!
//! Billing charges tokens and never sees a card. A charge is named by its caller's idempotency key, so that an unknown
//! outcome (a time-out) can be asked after and is never charged twice. Card numbers go from the viewer's browser to the
//! gateway's own token endpoint, which is the second trait; a hosted gateway has its own form for that.

pub mod conformance;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, contract, errors};
use tessera_types::{Money, Sensitive, Timestamp};

/// Take this amount from the card behind the token. The `Idempotency-Key` names the charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateCharge {
    /// From the gateway's own token endpoint.
    pub payment_token: Sensitive<String>,
    /// How much; positive.
    pub amount: Money,
    /// What the cardholder reads on the statement, at most 22 characters.
    pub statement: String,
}

/// Which charge: the idempotency key it was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetCharge {
    /// The key.
    pub reference: String,
}

/// How a charge ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChargeState {
    /// The money is taken.
    Succeeded,
    /// It was refused; no money moved.
    Declined,
    /// The gateway does not know yet: ask again, do not charge again.
    Pending,
    /// A state of a newer version of this contract: treat it as pending.
    #[serde(other)]
    Unknown,
}

/// A charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Charge {
    /// The key it was made with.
    pub reference: String,
    /// How much.
    pub amount: Money,
    /// How it ended.
    pub state: ChargeState,
    /// Why it was declined, as a code: `insufficient_funds`, `expired_card`, `card_declined`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline_code: Option<String>,
    /// Why it was declined, for the cardholder to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline_message: Option<String>,
    /// When, wall time.
    pub created_at: Timestamp,
}

/// A card, for the gateway alone.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CreateToken {
    /// Card number, 12 to 19 digits, spaces allowed.
    pub card_number: Sensitive<String>,
    /// Month of expiry, 1 to 12.
    pub expiry_month: u8,
    /// Year of expiry, four digits.
    pub expiry_year: u16,
    /// The three or four digits on the card.
    pub security_code: Sensitive<String>,
}

/// Stands for a card from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentToken {
    /// Pass it to checkout.
    pub payment_token: Sensitive<String>,
    /// `visa`, `mastercard`, `card`.
    pub brand: String,
    /// The card's last four digits, to show its owner.
    pub last4: String,
}

errors! {
    /// Why a gateway operation failed.
    pub enum GatewayError {
        /// No charge was made with this key.
        ChargeNotFound = 404 "charge_not_found",
        /// The token is not one of this gateway's and tenant's.
        TokenNotFound = 404 "token_not_found",
        /// The card number, expiry or security code is not a possible one.
        InvalidCard = 400 "invalid_card",
    }
}

/// Moves money. A declined charge is an answer, not an error.
///
/// An idempotency key names one charge for ever: repeating it answers that charge as it stands, and never takes money
/// again; the same key with another request is `idempotency_conflict`. An error of the 5xx class says nothing about
/// whether money moved: ask with `get_charge`.
#[contract(name = "payment-gateway", version = "1.0")]
pub trait PaymentGateway: Send + Sync + 'static {
    /// Charge a token, once for each idempotency key.
    #[post("/v1/charges", access = service, status = 201, idempotent, timeout_seconds = 30)]
    async fn create_charge(&self, cx: &Cx, request: CreateCharge) -> Result<Charge, GatewayError>;

    /// Ask after a charge whose outcome is unknown.
    #[get("/v1/charges/{reference}", access = service)]
    async fn get_charge(&self, cx: &Cx, request: GetCharge) -> Result<Charge, GatewayError>;
}

/// Turns a card into a token. Called by the viewer's browser; card data stays in the gateway.
#[contract(name = "card-vault", version = "1.0", mount = "payment-gateway")]
pub trait CardVault: Send + Sync + 'static {
    /// Turn a card into a token.
    #[post("/v1/tokens", access = public, status = 201, body_bytes = 4096)]
    async fn create_token(&self, cx: &Cx, request: CreateToken) -> Result<PaymentToken, GatewayError>;
}

//! All SQL of the module.

mod deliveries;
mod endpoints;
mod sealed;

pub(crate) use deliveries::{
    Called, Due, attempts, delivery, delivery_in, due, end_due, failed_since, insert_delivery, page as deliveries,
    record, replay, sweep,
};
pub(crate) use endpoints::{
    StoredEndpoint, count, delete, edit, endpoint, endpoint_in, for_type, insert, page as endpoints, succeeded, wanted,
};
pub use sealed::SEALED_UNDER;
pub(crate) use sealed::{SecretRow, add_secret, replace_sealed, secret, signing, under_older};

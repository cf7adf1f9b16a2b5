//! The figures, a file each.

pub(crate) mod check;
pub(crate) mod checkout;
pub(crate) mod decision;
pub(crate) mod events;
pub(crate) mod footage;
pub(crate) mod grpc;
pub(crate) mod packaging;
pub(crate) mod playback;
pub(crate) mod replicas;
pub(crate) mod segments;
pub(crate) mod sign_in;
pub(crate) mod slow_clients;
pub(crate) mod split;
pub(crate) mod standing;
pub(crate) mod transcoding;
pub(crate) mod wrapper;

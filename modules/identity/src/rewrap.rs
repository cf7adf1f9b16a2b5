//! Stored secrets from an older master key to the one in use: signing keys, and the app's refresh tokens.

use tessera_contract::Failure;

use crate::{
    IdentityService, app_session, signing_key,
    store::sealed::{self, Kind, Sealed},
};

impl IdentityService {
    /// Seals what is under an older master key under the one in use, and answers how much that was. Nobody is signed out.
    /// When it is cut off, what it has done stands, and the next call does the rest.
    ///
    /// # Errors
    /// The store cannot be reached, or something does not open: its master key is not in the ring.
    pub async fn rewrap(&self) -> Result<u64, Failure> {
        let mut done = 0;
        for kind in [Kind::SigningKey, Kind::Session] {
            let mut at = None;
            loop {
                let rows = sealed::under_older(&self.store, kind, self.keyring.current(), at.as_ref()).await?;
                let Some(last) = rows.last() else { break };
                at = Some((last.tenant.clone(), last.name.clone()));
                let resealed = rows.iter().map(|row| self.resealed(kind, row)).collect::<Result<Vec<_>, _>>()?;
                let current = self.keyring.current().to_owned();
                done += sealed::replace(&self.store, kind, rows, resealed, current).await?;
            }
        }
        Ok(done)
    }

    fn resealed(&self, kind: Kind, row: &Sealed) -> Result<Vec<u8>, Failure> {
        let purpose = match kind {
            Kind::SigningKey => signing_key::purpose(&row.tenant, &row.name),
            Kind::Session => app_session::purpose(&row.tenant, &row.name),
        };
        let plain = self.keyring.open_stored(&purpose, &row.sealed)?;
        self.keyring.seal(&purpose, &plain)
    }
}

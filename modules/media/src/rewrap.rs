//! Assets' keys from an older master key to the one in use.

use tessera_contract::Failure;

use crate::{
    MediaService,
    at_rest::{self, Place},
    store::{self, SealedKey},
};

impl MediaService {
    /// Seals every asset's key that is under an older master key under the one in use, and answers how many those were.
    /// Track files stay as they are. When it is cut off, what it has done stands, and the next call does the rest.
    ///
    /// # Errors
    /// The store cannot be reached, or a key does not open: its master key is not in the ring.
    pub async fn rewrap(&self) -> Result<u64, Failure> {
        let current = self.master_keys.current();
        let (mut at, mut done) = (None, 0);
        loop {
            let rows = store::under_older(&self.store, current, at.as_ref()).await?;
            let Some(last) = rows.last() else { return Ok(done) };
            at = Some((last.tenant.clone(), last.asset_id.clone()));
            let resealed = rows.iter().map(|row| self.resealed(row)).collect::<Result<Vec<_>, _>>()?;
            done += store::replace_sealed(&self.store, rows, resealed, current.to_owned()).await?;
        }
    }

    fn resealed(&self, row: &SealedKey) -> Result<Vec<u8>, Failure> {
        let place = Place { tenant: &row.tenant, asset: &row.asset_id };
        let key = self.open_key(place, &row.key_id, &row.wrapped_key)?;
        Ok(at_rest::wrap(self.master_keys.current_key(), place, &key, rand::random()))
    }
}

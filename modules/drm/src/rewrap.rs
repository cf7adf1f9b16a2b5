//! Content keys from an older master key to the one in use.

use tessera_contract::Failure;
use tessera_types::{AssetId, TenantId};

use crate::{
    DrmService,
    envelope::{self, Place},
    store::{self, KeyRow, Placed},
};

impl DrmService {
    /// Seals every content key that is under an older master key under the one in use, and answers how many those were.
    /// The keys themselves stay as they are, so that what was packaged with them plays on. When it is cut off, what it
    /// has done stands, and the next call does the rest.
    ///
    /// # Errors
    /// The store cannot be reached, or a key does not open: its master key is not in the ring.
    pub async fn rewrap(&self) -> Result<u64, Failure> {
        let current = self.master_keys.current();
        let (mut at, mut done) = (None, 0);
        loop {
            let rows = store::under_older(&self.store, current, at.as_ref()).await?;
            let Some(last) = rows.last() else { return Ok(done) };
            at = Some(last.clone());
            let resealed = rows.iter().map(|row| self.resealed(row)).collect::<Result<Vec<_>, _>>()?;
            done += store::replace_sealed(&self.store, rows, resealed).await?;
        }
    }

    fn resealed(&self, row: &Placed) -> Result<KeyRow, Failure> {
        let (tenant, asset): (&TenantId, &AssetId) = (&row.tenant, &row.asset_id);
        let sealed = row.sealed();
        let key = self.open_key(tenant, asset, &sealed)?;
        let place = Place { tenant, asset, label: &sealed.label };
        let wrapped = envelope::wrap(self.master_keys.current_key(), place, &key, rand::random());
        Ok(KeyRow { wrapped, master_key_id: self.master_keys.current().to_owned(), ..sealed })
    }
}

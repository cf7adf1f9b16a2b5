//! Secrets: opened to sign, and moved from an older master key to the one in use.

use tessera_contract::{Cx, Failure, FailureKind};
use tessera_types::WebhookId;

use crate::{
    WebhooksService, envelope,
    signature::SECRET,
    store::{self, SecretRow},
};

impl WebhooksService {
    /// A new secret in place `number` of an address, sealed.
    pub(crate) fn sealed(&self, cx: &Cx, id: &WebhookId, number: i64) -> SecretRow {
        let (tenant, endpoint_id) = (cx.tenant.to_string(), id.to_string());
        let place = (tenant.as_str(), endpoint_id.as_str(), number);
        let sealed = envelope::wrap(self.master_keys.current_key(), place, &rand::random(), rand::random());
        let master_key_id = self.master_keys.current().to_owned();
        SecretRow { tenant, endpoint_id, number, sealed, master_key_id }
    }

    pub(crate) fn opened(&self, row: &SecretRow) -> Result<[u8; SECRET], Failure> {
        let place = (row.tenant.as_str(), row.endpoint_id.as_str(), row.number);
        let master = self.master_keys.get(&row.master_key_id);
        let opened = master.and_then(|master| envelope::unwrap(master, place, &row.sealed));
        opened.ok_or_else(|| {
            let detail = format!("the secret of {} does not open: is its master key lost?", row.endpoint_id);
            Failure::new(FailureKind::Internal, detail)
        })
    }

    /// The secrets that an address's deliveries are signed with now.
    pub(crate) async fn signing(&self, cx: &Cx, id: &WebhookId) -> Result<Vec<[u8; SECRET]>, Failure> {
        let rows = store::signing(&self.store().tenant(cx), id, self.store().now()).await?;
        rows.iter().map(|row| self.opened(row)).collect()
    }

    /// Seals every secret that is under an older master key under the one in use, and answers how many those were. The
    /// secrets themselves stay as they are. When it is cut off, what it has done stands, and the next call does the rest.
    ///
    /// # Errors
    /// The store cannot be reached, or a secret does not open: its master key is not in the ring.
    pub async fn rewrap(&self) -> Result<u64, Failure> {
        let current = self.master_keys.current();
        let (mut at, mut done) = (None, 0);
        loop {
            let rows = store::under_older(self.store(), current, at.as_ref()).await?;
            let Some(last) = rows.last() else { return Ok(done) };
            at = Some(last.clone());
            let resealed = rows.iter().map(|row| self.resealed(row)).collect::<Result<Vec<_>, _>>()?;
            done += store::replace_sealed(self.store(), rows, resealed).await?;
        }
    }

    fn resealed(&self, row: &SecretRow) -> Result<SecretRow, Failure> {
        let secret = self.opened(row)?;
        let place = (row.tenant.as_str(), row.endpoint_id.as_str(), row.number);
        let sealed = envelope::wrap(self.master_keys.current_key(), place, &secret, rand::random());
        Ok(SecretRow { sealed, master_key_id: self.master_keys.current().to_owned(), ..row.clone() })
    }
}

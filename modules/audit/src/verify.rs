//! Checking a trail: that each record is as it was taken, and none is missing.

use tessera_contract::{Cx, Failure};
use tessera_types::{TenantId, Timestamp};

use crate::{
    chain::{Chain, Link},
    service::AuditService,
    store::{self, RecordRow, TrailRow},
    trail::{DELETED, Deleted},
};

/// Records read at a time.
const PAGE: u32 = 500;

/// Where a trail does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The number of the record at which it shows.
    pub number: i64,
    /// What is wrong.
    pub why: String,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Whose trail.
    pub tenant: TenantId,
    /// Records that hold, up to the break if there is one.
    pub records: i64,
    /// The last record's number, 0 when there never was one. To be kept elsewhere together with `head`: a later check
    /// can be told to find it, so that not even the end of the trail can be cut off unnoticed.
    pub last: i64,
    /// The last record's hash.
    pub head: String,
    /// Where it does not hold; `None` when it does.
    pub broken: Option<Break>,
}

/// A walk along the chain.
struct Walk<'a> {
    chain: &'a Chain,
    tenant: &'a TenantId,
    number: i64,
    hash: String,
    /// Whether a record says that everything before the beginning was deleted.
    attested: bool,
    kept_after: i64,
    kept_after_hash: String,
}

impl AuditService {
    /// Checks the trail of `tenant`. With `known`, a number and hash that an earlier check gave, also that this record
    /// is still the one that it was, as long as it is kept.
    ///
    /// # Errors
    /// The store cannot be read. A trail that does not hold is no error: [`Verified::broken`].
    pub async fn verify(&self, tenant: &TenantId, known: Option<&(i64, String)>) -> Result<Verified, Failure> {
        let reader = self.store().tenant(&Cx::service(tenant.clone(), "audit", &*self.store().clock()));
        loop {
            let trail = store::trail_now(&reader).await?;
            let found = self.walk(tenant, &reader, trail.clone(), known).await?;
            let now = store::trail_now(&reader).await?;
            // What was deleted while it was being read is no break.
            let moved = now.map(|trail| trail.kept_after) != trail.map(|trail| trail.kept_after);
            if found.broken.is_none() || !moved {
                return Ok(found);
            }
        }
    }

    async fn walk(
        &self,
        tenant: &TenantId,
        reader: &tessera_store::Reader,
        trail: Option<TrailRow>,
        known: Option<&(i64, String)>,
    ) -> Result<Verified, Failure> {
        let chain = self.chain();
        let root = chain.root(tenant);
        let trail =
            trail.unwrap_or(TrailRow { number: 0, hash: root.clone(), kept_after: 0, kept_after_hash: root.clone() });
        let mut walk = Walk {
            chain,
            tenant,
            number: trail.kept_after,
            hash: trail.kept_after_hash.clone(),
            attested: trail.kept_after == 0 && trail.kept_after_hash == root,
            kept_after: trail.kept_after,
            kept_after_hash: trail.kept_after_hash.clone(),
        };
        let mut verified =
            Verified { tenant: tenant.clone(), records: 0, last: trail.number, head: trail.hash.clone(), broken: None };
        let broken = |number: i64, why: String| Some(Break { number, why });
        'pages: loop {
            let rows = store::after(reader, walk.number, PAGE).await?;
            let full = rows.len() == PAGE as usize;
            for row in rows {
                if row.number > trail.number {
                    break 'pages; // taken since the end was read
                }
                let number = row.number;
                if let Err(why) = walk.step(row) {
                    verified.broken = broken(number, why);
                    return Ok(verified);
                }
                verified.records += 1;
                if let Some((_, hash)) = known.filter(|(known, hash)| *known == number && *hash != walk.hash) {
                    verified.broken = broken(number, format!("it is another record than the one whose hash is {hash}"));
                    return Ok(verified);
                }
            }
            if !full {
                break;
            }
        }
        verified.broken = match known {
            _ if walk.number != trail.number => {
                broken(walk.number + 1, format!("the records up to {} are missing", trail.number))
            }
            _ if walk.hash != trail.hash => broken(trail.number, "the trail's end is another record's".into()),
            _ if !walk.attested => broken(
                walk.kept_after + 1,
                "records before it are missing, and no record says that they were deleted".into(),
            ),
            Some((known, _)) if *known > trail.number => {
                broken(trail.number + 1, format!("record {known} was there once and is missing"))
            }
            Some(_) | None => None,
        };
        Ok(verified)
    }
}

impl Walk<'_> {
    /// Goes on to the next record, or says what is wrong with it.
    fn step(&mut self, row: RecordRow) -> Result<(), String> {
        if row.number != self.number + 1 {
            return Err(format!("the records {} to {} before it are missing", self.number + 1, row.number - 1));
        }
        let taken_at = Timestamp::from_micros(row.taken_at);
        let link = Link { before: &self.hash, number: row.number, taken_at, record: &row.record };
        let hash = self.chain.link(self.tenant, &link);
        if hash != row.hash {
            return Err(
                "it was altered, or the one before it was removed; or the secret `audit-chain` is another one".into()
            );
        }
        let columns = row.clone();
        let record = row.decode().map_err(|failure| failure.to_string())?.what;
        let same = columns.record_id == record.record_id.as_str()
            && columns.at == record.at.as_micros()
            && columns.subject == record.subject
            && columns.contract == record.contract
            && columns.operation == record.operation;
        if !same {
            return Err("what it is found by was altered".into());
        }
        if record.contract == "audit" && record.operation == DELETED {
            let said = serde_json::from_value::<Deleted>(record.request);
            self.attested |=
                said.is_ok_and(|said| said.through == self.kept_after && said.hash == self.kept_after_hash);
        }
        (self.number, self.hash) = (columns.number, hash);
        Ok(())
    }
}

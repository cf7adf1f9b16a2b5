//! The processes that share a piece of work, and each one's share of it.
//!
//! A process writes its row in the store of the module whose work it is, again and again; whoever does not for a while is
//! left out. Two processes may think for a moment that they have the same share: nothing that is shared here rests on its
//! not happening, for every step of a consumer or a relay is taken by one of them alone ([`crate::ledger::Step`]).

use std::time::Duration;

use tessera_contract::Failure;
use tessera_store::{Engine, Store, params};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How many times over a process counts after it was last heard of.
const MISSED: u32 = 3;

const HERE: &str = "insert into tessera_members (name, member, since_us, until_us) values ($1, $2, $3, $4) \
    on conflict (name, member) do update set until_us = excluded.until_us";
const GONE: &str = "delete from tessera_members where name = $1 and (until_us < $2 or member = $3)";
const LIST: &str = "select member from tessera_members where name = $1 order by since_us, member";

/// Which of how many processes this is, by how long they have been there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    index: usize,
    of: usize,
}

impl Share {
    const NONE: Self = Self { index: 0, of: 0 };
    const ALL: Self = Self { index: 0, of: 1 };

    /// Whether this process leads: it has been there longest.
    pub(crate) fn leads(self) -> bool {
        self.of > 0 && self.index == 0
    }

    /// Whether a partition is this process's.
    pub(crate) fn has(self, partition: i32) -> bool {
        self.of > 0 && usize::try_from(partition).is_ok_and(|partition| partition % self.of == self.index)
    }
}

/// This process's share of the work called `name`, until `shutdown`; it says that it is there as often as `every`. A
/// database file has one process.
pub(crate) fn join(
    store: &Store,
    name: &'static str,
    every: Duration,
    shutdown: CancellationToken,
) -> watch::Receiver<Share> {
    if store.engine() == Engine::Sqlite {
        // The sender may go: the share never changes.
        return watch::channel(Share::ALL).1;
    }
    let (told, share) = watch::channel(Share::NONE);
    let member = format!("{}-{:016x}", std::process::id(), rand::random::<u64>());
    tokio::spawn(keep(Member { store: store.clone(), name, member, every }, told, shutdown));
    share
}

/// Whether a share can change at all.
pub(crate) fn may_change(share: &watch::Receiver<Share>) -> bool {
    share.has_changed().is_ok()
}

/// One process, in the store of the module whose work it shares.
struct Member {
    store: Store,
    name: &'static str,
    member: String,
    every: Duration,
}

async fn keep(me: Member, told: watch::Sender<Share>, shutdown: CancellationToken) {
    let name = me.name;
    loop {
        match me.look(false).await {
            Ok(share) => drop(told.send_if_modified(|now| std::mem::replace(now, share) != share)),
            Err(failure) => tracing::warn!(name, %failure, "telling other processes that this one is there"),
        }
        tokio::select! {
            () = tokio::time::sleep(me.every) => {}
            () = shutdown.cancelled() => break,
        }
    }
    if let Err(failure) = me.look(true).await {
        tracing::debug!(name, %failure, "telling other processes that this one leaves");
    }
}

impl Member {
    /// Says that it is there, or leaves; answers its share.
    async fn look(&self, leaves: bool) -> Result<Share, Failure> {
        let (name, lasts) = (self.name, self.every * MISSED);
        let write = self.store.system_write(self.member.clone(), move |tx, member| {
            Box::pin(async move {
                let now = tx.now();
                tx.execute(GONE, params![name, now, leaves.then_some(member.as_str())]).await?;
                if leaves {
                    return Ok(Share::NONE);
                }
                tx.execute(HERE, params![name, member, now, now.plus(lasts)]).await?;
                let there: Vec<(String,)> = tx.all(LIST, params![name]).await?;
                let index = there.iter().position(|(one,)| one == member);
                Ok::<_, Failure>(index.map_or(Share::NONE, |index| Share { index, of: there.len() }))
            })
        });
        write.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_is_one_process_s() {
        for of in 1..=5 {
            let shares: Vec<Share> = (0..of).map(|index| Share { index, of }).collect();
            for partition in 0..12 {
                assert_eq!(shares.iter().filter(|share| share.has(partition)).count(), 1, "{partition} of {of}");
            }
            assert_eq!(shares.iter().filter(|share| share.leads()).count(), 1);
        }
        assert!(!Share::NONE.has(0) && !Share::NONE.leads() && Share::ALL.has(7) && !Share::ALL.has(-1));
    }
}
